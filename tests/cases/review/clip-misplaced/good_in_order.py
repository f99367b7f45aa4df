import torch
from torch import nn
import torch.nn.functional as F

model = nn.LSTM(8, 16)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for i, (x, y) in enumerate(train_loader):
    (F.mse_loss(model(x)[0], y) / 2).backward()
    if i % 2 == 1:
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
