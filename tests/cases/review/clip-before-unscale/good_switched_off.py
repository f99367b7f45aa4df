import torch
from torch import nn
import torch.nn.functional as F

USE_FP16 = False
model = nn.LSTM(8, 16)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cuda", enabled=USE_FP16)
for x, y in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16, enabled=USE_FP16):
        loss = F.mse_loss(model(x)[0], y)
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
