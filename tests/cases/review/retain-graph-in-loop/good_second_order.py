import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
for x in train_loader:
    x.requires_grad_(True)
    optimizer.zero_grad()
    score = model(x).sum()
    score.backward(create_graph=True, retain_graph=True)
    penalty = (x.grad.norm(dim=1) - 1).pow(2).mean()
    penalty.backward()
    optimizer.step()
