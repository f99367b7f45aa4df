import torch
from torch import nn
import torch.nn.functional as F

from engine import reset_gradients

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    reset_gradients(optimizer)
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
