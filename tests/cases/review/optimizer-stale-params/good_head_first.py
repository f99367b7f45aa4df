import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet50

model = resnet50(weights="DEFAULT")
model.fc = nn.Linear(model.fc.in_features, 3)
model = model.to("cuda")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
