import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import mobilenet_v3_small

model = mobilenet_v3_small(weights="DEFAULT")
model.features.requires_grad_(False)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for epoch in range(10):
    if epoch == 3:
        model.features.requires_grad_(True)
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
