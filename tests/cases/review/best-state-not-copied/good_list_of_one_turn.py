"""Each turn makes a list of its own and saves it."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim

model = nn.Linear(10, 2)
opt = optim.Adam(model.parameters())
for epoch in range(10):
    for x, y in train_loader:
        opt.zero_grad(); F.cross_entropy(model(x), y).backward(); opt.step()
    payload = []
    payload.append(model.state_dict())
    torch.save(payload, f"{epoch}.pt")
