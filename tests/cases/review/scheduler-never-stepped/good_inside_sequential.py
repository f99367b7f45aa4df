import torch
from torch import nn
import torch.nn.functional as F

from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
warmup = LinearLR(optimizer, 0.1, total_iters=3)
cosine = CosineAnnealingLR(optimizer, T_max=17)
scheduler = SequentialLR(optimizer, [warmup, cosine], milestones=[3])
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
