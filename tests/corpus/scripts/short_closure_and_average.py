# expect: nothing
import torch
from torch import nn
model = nn.Sequential(nn.Linear(4,8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8,2))
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=10)
ema = torch.optim.swa_utils.AveragedModel(model)
best = 1e9
for epoch in range(10):
    model.train()
    for x, y in train_loader:
        def closure():
            opt.zero_grad()
            l = nn.functional.cross_entropy(model(x), y); l.backward(); return l
        opt.step(closure)
        ema.update_parameters(model)
    sched.step()
    ema.eval()
    with torch.no_grad():
        val = torch.stack([nn.functional.cross_entropy(ema(x), y) for x, y in val_loader]).mean()
    if val < best:
        best = val; torch.save(ema.state_dict(), "x.pt")
