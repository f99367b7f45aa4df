import torch
from torch import nn
import torch.nn.functional as F

from timm.scheduler import CosineLRScheduler

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scheduler = CosineLRScheduler(optimizer, t_initial=20, warmup_t=2)
for epoch in range(20):
    scheduler.step(epoch)
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
