import torch
from torch import nn
import torch.nn.functional as F

G, D = nn.Linear(4, 8).cuda(), nn.Linear(8, 1).cuda()
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4)
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4)
scaler = torch.amp.GradScaler("cuda")
for real, z in train_loader:
    with torch.autocast("cuda", dtype=torch.float16):
        loss_d = -D(real).mean() + D(G(z).detach()).mean()
    opt_d.zero_grad()
    scaler.scale(loss_d).backward()
    scaler.step(opt_d)
    with torch.autocast("cuda", dtype=torch.float16):
        loss_g = -D(G(z)).mean()
    opt_g.zero_grad()
    scaler.scale(loss_g).backward()
    scaler.step(opt_g)
    scaler.update()
