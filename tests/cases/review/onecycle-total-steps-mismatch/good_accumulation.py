import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
steps = len(train_loader) // 8
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, epochs=5, steps_per_epoch=steps)
for epoch in range(5):
    for i, (x, y) in enumerate(train_loader):
        (F.cross_entropy(model(x), y) / 8).backward()
        if (i + 1) % 8 == 0:
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
