"""Character RNN whose settings come from a plain object; clip and optimizer are chosen by name."""
import argparse

import torch
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--cell", default="GRU", choices=["GRU", "LSTM"])
ap.add_argument("--optim", default="AdamW")
ap.add_argument("--clip-kind", default="norm", choices=["norm", "value"])
ap.add_argument("--clip", type=float, default=0.5)
ap.add_argument("--bptt", type=int, default=32)
ap.add_argument("--bs", type=int, default=16)
ap.add_argument("--lr", type=float, default=2e-3)
ap.add_argument("--epochs", type=int, default=2)
opt = ap.parse_args([])

torch.manual_seed(0)
text = "it was the best of times, it was the worst of times, it was the age of wisdom. " * 120
vocab = sorted(set(text))
stream = torch.tensor([vocab.index(c) for c in text])


def batchify(data, bs):
    n = len(data) // bs
    return data[:n * bs].view(bs, n)


cut = int(len(stream) * 0.9)
train_data, val_data = batchify(stream[:cut], opt.bs), batchify(stream[cut:], opt.bs)


class CharRNN(nn.Module):
    def __init__(self, v, h=64):
        super().__init__()
        self.emb = nn.Embedding(v, h)
        self.rnn = getattr(nn, opt.cell)(h, h, 2, dropout=0.2, batch_first=True)
        self.out = nn.Linear(h, v)

    def forward(self, x, state=None):
        y, state = self.rnn(self.emb(x), state)
        return self.out(y), state


def repackage(h):
    return h.detach() if torch.is_tensor(h) else tuple(repackage(v) for v in h)


model = CharRNN(len(vocab))
optimizer = getattr(torch.optim, opt.optim)(model.parameters(), lr=opt.lr)
clip_ = getattr(nn.utils, f"clip_grad_{opt.clip_kind}_")
loss_fn = nn.CrossEntropyLoss()
for epoch in range(opt.epochs):
    model.train()
    state, total = None, 0.0
    for i in range(0, train_data.size(1) - 1 - opt.bptt, opt.bptt):
        x, y = train_data[:, i:i + opt.bptt], train_data[:, i + 1:i + 1 + opt.bptt]
        if state is not None:
            state = repackage(state)
        logits, state = model(x, state)
        loss = loss_fn(logits.transpose(1, 2), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        clip_(model.parameters(), opt.clip)
        total += loss.item()
    model.eval()
    with torch.no_grad():
        logits, _ = model(val_data[:, :-1])
        v = loss_fn(logits.flatten(0, 1), val_data[:, 1:].flatten())
    print(epoch, total, v.item())
