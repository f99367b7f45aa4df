from torch.utils.data import TensorDataset
import torch
from torch import nn
from torch.utils.data import DataLoader

x, y = torch.rand(641, 10), torch.zeros(641).long()
train_loader = DataLoader(TensorDataset(x, y), batch_size=128, shuffle=True)  # <-- last-batch-of-one-with-batchnorm
model = nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(3):
    for a, b in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(a), b).backward()
        optimizer.step()
