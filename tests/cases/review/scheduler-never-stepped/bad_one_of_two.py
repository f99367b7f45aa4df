import torch
from torch import nn
import torch.nn.functional as F

body, head = nn.Linear(8, 16), nn.Linear(16, 3)
body_opt = torch.optim.AdamW(body.parameters(), lr=1e-4)
head_opt = torch.optim.AdamW(head.parameters(), lr=1e-3)
body_sched = torch.optim.lr_scheduler.StepLR(body_opt, 5)  # <-- scheduler-never-stepped
head_sched = torch.optim.lr_scheduler.StepLR(head_opt, 5)
for epoch in range(20):
    for x, y in train_loader:
        body_opt.zero_grad()
        head_opt.zero_grad()
        F.cross_entropy(head(body(x)), y).backward()
        body_opt.step()
        head_opt.step()
    head_sched.step()
