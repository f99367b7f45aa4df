"""Two data sets of one class and size draw their samples: they are not the same."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim
from torch.utils.data import DataLoader, Dataset

class Toy(Dataset):
    def __init__(self, n):
        self.x = torch.randn(n, 10)
        self.y = (self.x.sum(1) > 0).long()
    def __len__(self): return len(self.x)
    def __getitem__(self, i): return self.x[i], self.y[i]
train_loader = DataLoader(Toy(1000), batch_size=32, shuffle=True)
val_loader = DataLoader(Toy(1000), batch_size=32)
model = nn.Linear(10,2)
opt = optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(10):
    for x, y in train_loader:
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        opt.step()
    with torch.no_grad():
        acc = sum((model(x).argmax(1) == y).sum() for x, y in val_loader)
