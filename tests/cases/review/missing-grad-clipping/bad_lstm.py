import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(10, 20, batch_first=True)
        self.out = nn.Linear(20, 5)

    def forward(self, x):
        return self.out(self.rnn(x)[0])


model = Tagger()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def step(x, y):
    optimizer.zero_grad()
    loss = criterion(model(x).flatten(0, 1), y.flatten())
    loss.backward()
    optimizer.step()  # <-- missing-grad-clipping
    return loss.item()


for x, y in train_loader:
    step(x, y)
