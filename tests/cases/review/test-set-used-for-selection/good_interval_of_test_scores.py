"""A setting says how often test scores are taken; no score decides."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim

m = nn.Linear(10, 2); opt = optim.Adam(m.parameters(), lr=1e-3)
for epoch in range(10):
    for x, y in train_loader:
        opt.zero_grad(); F.cross_entropy(m(x), y).backward(); opt.step()
    if args.test_score_interval > 0 and epoch % args.test_score_interval == 0:
        torch.save(m.state_dict(), f"{epoch}.pt")
