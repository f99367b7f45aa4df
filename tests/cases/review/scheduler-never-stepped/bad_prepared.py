import torch
from accelerate import Accelerator
from torch import nn

accelerator = Accelerator()
model = nn.Linear(4, 1)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)  # <-- scheduler-never-stepped
model, optimizer, train_loader, schedule = accelerator.prepare(model, optimizer, train_loader, schedule)
for epoch in range(10):
    for x, y in train_loader:
        optimizer.zero_grad()
        accelerator.backward(nn.functional.mse_loss(model(x), y))
        optimizer.step()
