import torch
from torch import nn


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.module = nn.Linear(10, 2)

    def forward(self, x):
        return self.module(x)


model = Wrapped()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
