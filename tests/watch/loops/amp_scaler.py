"""A GradScaler that overflows at first and skips; unscaled and clipped by hand."""
from setting import *

model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
for epoch in range(2):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(xb), yb)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        expect("optimizer", loss)
expect_epochs(2)
trained(model)
