import torch
from torch import nn
import torch.nn.functional as F

epochs = 5
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
total_steps = epochs * len(train_loader)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps)
for epoch in range(epochs):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        scheduler.step()
