import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import mobilenet_v3_small

model = mobilenet_v3_small(weights="DEFAULT")
for p in model.features.parameters():
    p.requires_grad = False
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)  # <-- frozen-parameters-optimized
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
