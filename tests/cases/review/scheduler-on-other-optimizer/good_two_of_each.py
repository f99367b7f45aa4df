import torch
from torch import nn
import torch.nn.functional as F

G, D = nn.Linear(4, 8), nn.Linear(8, 1)
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4)
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4)
sched_g = torch.optim.lr_scheduler.ExponentialLR(opt_g, 0.9)
sched_d = torch.optim.lr_scheduler.ExponentialLR(opt_d, 0.9)
for epoch in range(10):
    for real, z in train_loader:
        opt_d.zero_grad()
        (D(G(z).detach()) - D(real)).mean().backward()
        opt_d.step()
        opt_g.zero_grad()
        (-D(G(z))).mean().backward()
        opt_g.step()
    sched_g.step()
    sched_d.step()
