import torch
from torch import nn
import torch.nn.functional as F

from accelerate import Accelerator

accelerator = Accelerator(mixed_precision="fp16")
model = nn.LSTM(8, 16)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model, optimizer, loader = accelerator.prepare(model, optimizer, train_loader)
for x, y in loader:
    loss = F.mse_loss(model(x)[0], y)
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
