import torch
from torch import nn
import torch.nn.functional as F

G = nn.Linear(16, 8)
D = nn.Linear(8, 1)
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
for real, _ in train_loader:
    fake = G(torch.randn(real.size(0), 16))
    loss_d = bce(D(real), torch.ones(len(real), 1)) + bce(D(fake.detach()), torch.zeros(len(real), 1))
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = bce(D(fake), torch.ones(len(real), 1))
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
