"""A frozen part, one unfrozen later, an average of the weights, schedulers that drive others."""
import copy

from setting import *

model = net(norm=True)
for p in model[0].parameters():
    p.requires_grad_(False)
ema = copy.deepcopy(model)
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
warm = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=3)
cool = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, cool], milestones=[3])
for epoch in range(2):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            for e, p in zip(ema.parameters(), model.parameters()):
                e.lerp_(p, 0.1)
        expect("optimizer", loss)
    if epoch == 0:
        for p in model[0].parameters():
            p.requires_grad_(True)
        optimizer.param_groups[0]["params"] += list(model[0].parameters())
expect_epochs(2)
trained(model, ema)
