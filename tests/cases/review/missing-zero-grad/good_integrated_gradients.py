"""Gradients with respect to new inputs are added up over a path."""

import torch
from torch import nn

model = nn.Linear(10, 2)
x = torch.rand(1, 10, requires_grad=True)
total = torch.zeros(1, 10)
for k in range(50):
    z = (x * (k / 50)).detach().requires_grad_(True)
    model(z)[0, 1].backward()
    total.add_(z.grad)
