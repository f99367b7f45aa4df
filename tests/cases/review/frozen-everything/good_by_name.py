import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for name, p in model.named_parameters():
    if not name.startswith("fc"):
        p.requires_grad = False
optimizer = torch.optim.AdamW(filter(lambda p: p.requires_grad, model.parameters()), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
