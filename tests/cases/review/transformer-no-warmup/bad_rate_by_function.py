import math

import torch
from torch import nn

peak, total = 1e-3, 1000


def rate_at(step):
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))


model = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, batch_first=True), 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=peak)
for step, (x, y) in enumerate(train_loader):
    for group in optimizer.param_groups:
        group["lr"] = rate_at(step)
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()  # <-- transformer-no-warmup
