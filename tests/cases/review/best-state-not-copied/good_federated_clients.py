"""Clients' states go into a list that each round makes anew."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim

import copy
glob = nn.Linear(10, 2)
for rnd in range(10):
    locals_ = []
    for loader in loaders:
        local = copy.deepcopy(glob)
        opt = optim.SGD(local.parameters(), lr=0.1)
        for x, y in loader:
            opt.zero_grad(); F.cross_entropy(local(x), y).backward(); opt.step()
        locals_.append(local.state_dict())
    avg = {k: torch.stack([s[k] for s in locals_]).mean(0) for k in locals_[0]}
    glob.load_state_dict(avg)
