import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2).to(torch.float64)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in DataLoader(data, batch_size=64, shuffle=True):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x.double()), y).backward()
    optimizer.step()
