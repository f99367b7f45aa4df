import torch
from torch import nn


def init(m):
    if isinstance(m, (nn.Linear, nn.Conv2d)):
        torch.nn.init.constant_(m.weight, 0.01)  # <-- constant-weight-init
        torch.nn.init.zeros_(m.bias)


model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
model.apply(init)
