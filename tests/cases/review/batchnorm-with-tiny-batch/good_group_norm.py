import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
optimizer.zero_grad()
for i, (x, y) in enumerate(DataLoader(data, batch_size=2, shuffle=True)):
    (nn.functional.cross_entropy(model(x), y) / 8).backward()
    if (i + 1) % 8 == 0:
        optimizer.step()
        optimizer.zero_grad()
