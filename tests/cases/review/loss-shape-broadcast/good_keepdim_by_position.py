"""A sum that keeps its dimension, told by position."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim

X = torch.rand(200, 5)
y = X.sum(1, True)
model = nn.Linear(5, 1)
opt = optim.SGD(model.parameters(), lr=0.01)
for epoch in range(100):
    opt.zero_grad()
    loss = F.mse_loss(model(X), y)
    loss.backward()
    opt.step()
