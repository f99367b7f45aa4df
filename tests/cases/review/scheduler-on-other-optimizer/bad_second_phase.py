import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
optimizer = torch.optim.AdamW(model.fc.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5)  # <-- scheduler-on-other-optimizer
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for epoch in range(10):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
