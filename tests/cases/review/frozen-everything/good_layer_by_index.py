"""Everything frozen, then the last layer of a Sequential made anew by its index."""
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(10, 10), nn.ReLU(), nn.Linear(10, 2))
for parameter in model.parameters():
    parameter.requires_grad_(False)
model[2] = nn.Linear(10, 3)
optimizer = torch.optim.AdamW(model[2].parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
