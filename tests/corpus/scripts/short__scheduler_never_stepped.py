# expect: scheduler-never-stepped
import torch, copy
from torch import nn
import torch.nn.functional as F

def build(model):
    opt=torch.optim.AdamW(model.parameters(), lr=1e-3)
    return opt, torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10)
m=nn.Linear(4,3); opt, sched = build(m)
for ep in range(10):
    for x,y in train_loader:
        opt.zero_grad(); F.cross_entropy(m(x),y).backward(); opt.step()
