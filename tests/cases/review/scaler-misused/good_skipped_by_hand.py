"""Unscaled gradients that are not finite are skipped by hand, and the scaler is updated."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim

model = nn.Linear(10, 2)
opt = optim.Adam(model.parameters())
scaler = torch.amp.GradScaler("cuda")
for x, y in train_loader:
    opt.zero_grad()
    with torch.autocast("cuda"):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(opt)
    n = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if torch.isfinite(n):
        opt.step()
    scaler.update()
