from torch.utils.data import TensorDataset
import torch
from torch import nn
from torch.utils.data import DataLoader

data = TensorDataset(torch.rand(641, 10), torch.zeros(641).long())
model = nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in DataLoader(data, batch_size=128, shuffle=True, drop_last=True):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
