import torch
from torch import nn
import torch.nn.functional as F

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1000))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model.head = nn.Linear(1000, 3)
optimizer.add_param_group({"params": model.head.parameters(), "lr": 1e-2})
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
