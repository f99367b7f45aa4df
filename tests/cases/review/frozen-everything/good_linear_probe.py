import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet18

backbone = resnet18(weights="DEFAULT")
backbone.fc = nn.Identity()
backbone.requires_grad_(False)
head = nn.Linear(512, 3)
optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(head(backbone(x)), y).backward()
    optimizer.step()
