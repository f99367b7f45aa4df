import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for p in model.parameters():
    p.requires_grad = False
for p in model.fc.parameters():
    p.requires_grad = True
optimizer = torch.optim.AdamW(model.fc.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
