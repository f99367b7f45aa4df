import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for tasks in train_loader:
    total = 0.0
    for x, y in tasks:
        total += F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
