import torch
from torch import nn

model = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, batch_first=True), 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)
peak, ramp = 3e-4, 400
step = 0
for epoch in range(50):
    for x, y in train_loader:
        warmup_lr = peak * min(1.0, (step + 1) / ramp)
        for group in optimizer.param_groups:
            group["lr"] = warmup_lr
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
