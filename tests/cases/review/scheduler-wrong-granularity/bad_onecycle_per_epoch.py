import torch
from torch import nn
import torch.nn.functional as F

EPOCHS = 10
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=1e-3, epochs=EPOCHS, steps_per_epoch=len(train_loader)
)
for epoch in range(EPOCHS):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()  # <-- scheduler-wrong-granularity
