import torch
from torch import nn
from torch.optim import lr_scheduler

model = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 2), 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
schedule = lr_scheduler.SequentialLR(
    optimizer,
    [lr_scheduler.LinearLR(optimizer, 0.01, total_iters=100), lr_scheduler.CosineAnnealingLR(optimizer, 900)],
    milestones=[100],
)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
