"""Scores and targets are packed, and the first part of each has no padding."""

import torch
from torch import nn
from torch import optim

from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
def collate(batch):
    xs, ys = zip(*batch)
    return pad_sequence(xs, batch_first=True), pad_sequence(ys, batch_first=True), [len(y) for y in ys]
class Tag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1000, 64)
        self.lstm = nn.LSTM(64, 128, batch_first=True)
        self.linear = nn.Linear(128, 10)
    def forward(self, x):
        return self.linear(self.lstm(self.embed(x))[0])
model = Tag()
criterion = nn.CrossEntropyLoss()
opt = optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(5):
    for x, y, lengths in train_loader:
        scores = model(x)
        scores = pack_padded_sequence(scores, lengths, batch_first=True, enforce_sorted=False)[0]
        targets = pack_padded_sequence(y, lengths, batch_first=True, enforce_sorted=False)[0]
        loss = criterion(scores.view(-1, 10), targets.view(-1))
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
