import torch
from torch import nn

one, two = nn.Linear(4, 4), nn.Linear(4, 1)
first, second = torch.optim.AdamW(one.parameters(), 1e-3), torch.optim.AdamW(two.parameters(), 1e-3)
rule = lambda epoch: 1.0 - max(0, epoch - 5) / 6
schedules = [torch.optim.lr_scheduler.LambdaLR(each, rule) for each in (first, second)]
for epoch in range(10):
    for x, y in train_loader:
        first.zero_grad()
        second.zero_grad()
        nn.functional.mse_loss(two(one(x)), y).backward()
        first.step()
        second.step()
    for each in schedules:
        each.step()
