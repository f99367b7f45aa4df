"""Squares of gradients are added up in a dict: nothing is moved along its own gradient."""

import torch
import torch.nn.functional as F
from torch import nn

model = nn.Linear(10, 2)
fisher = {n: torch.zeros_like(p) for n, p in model.named_parameters()}
for x, y in loader:
    model.zero_grad(set_to_none=True)
    F.cross_entropy(model(x), y).backward()
    for n, p in model.named_parameters():
        fisher[n].add_(p.grad.pow(2) / len(loader))
