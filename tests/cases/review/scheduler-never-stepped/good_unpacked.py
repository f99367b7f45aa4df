import torch
from torch import nn

one, two = nn.Linear(4, 4), nn.Linear(4, 1)
first, second = torch.optim.AdamW(one.parameters(), 1e-3), torch.optim.AdamW(two.parameters(), 1e-3)
for_one, for_two = (torch.optim.lr_scheduler.StepLR(each, 15, 0.1) for each in (first, second))
for epoch in range(30):
    for x, y in train_loader:
        first.zero_grad()
        second.zero_grad()
        nn.functional.mse_loss(two(one(x).relu()), y).backward()
        first.step()
        second.step()
    for_one.step(), for_two.step()
