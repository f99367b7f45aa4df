import torch
from torch import nn
import torch.nn.functional as F

x = torch.randn(256, 8)
y = torch.randn(256)
model = nn.Linear(8, 1)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(500):
    optimizer.zero_grad()
    F.smooth_l1_loss(model(x), y).backward()  # <-- loss-shape-broadcast
    optimizer.step()
