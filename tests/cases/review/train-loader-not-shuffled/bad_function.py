from torch.utils.data import random_split
import torch
from torch import nn
from torch.utils.data import DataLoader


def loaders(data, size=64):
    train_set, val_set = random_split(data, [0.8, 0.2])
    return DataLoader(train_set, batch_size=size, num_workers=2), DataLoader(val_set, batch_size=size)  # <-- train-loader-not-shuffled


model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader, val_loader = loaders(data)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
