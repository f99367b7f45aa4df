"""Each update goes once over all data, in a loop of one turn."""

import torch.nn.functional as F
from torch import nn
from torch import optim

def main(n_updates):
    model = nn.Linear(10, 2)
    opt = optim.AdamW(model.parameters(), lr=1e-3)
    sched = optim.lr_scheduler.OneCycleLR(opt, 1e-2, total_steps=n_updates)
    for seed in range(n_updates):
        for i in range(1):
            loss = F.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
