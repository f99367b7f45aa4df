"""One comprehension makes both loaders, each over its own part."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim
from torch.utils.data import DataLoader, TensorDataset, random_split

data = TensorDataset(torch.randn(100,10), torch.randint(0,2,(100,)))
train_set, val_set = random_split(data, [80, 20])
train_loader, val_loader = (DataLoader(one, batch_size=16, shuffle=True) for one in (train_set, val_set))
model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20,2))
opt = optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(10):
    model.train()
    for x, y in train_loader:
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            acc = (model(x).argmax(1) == y).sum()
