"""GradScaler on the CPU, unscale and clip, accumulation, scheduler skipped where the scale fell."""
from setting import *

model = net()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=20)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
got = []
for epoch in range(2):
    for i, (xb, yb) in enumerate(train_loader):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(xb), yb) / 2
        scaler.scale(loss).backward()
        got.append(loss.item())
        if i % 2 == 1 or i == len(train_loader) - 1:
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            before = scaler.get_scale()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad(set_to_none=True)
            expect("optimizer", 2 * sum(got) / len(got), backwards=len(got))
            got = []
            if scaler.get_scale() >= before:
                scheduler.step()
expect_epochs(2)
trained(model)
