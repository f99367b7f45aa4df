import torch
from torch import nn

model = nn.Transformer(64, 4)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
ramp = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 500))
for src, tgt in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(src, tgt), tgt)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    ramp.step()
