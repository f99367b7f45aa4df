import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
params = list(model.parameters())
for x, y in train_loader:
    grads = torch.autograd.grad(F.cross_entropy(model(x), y), params)
    for p, g in zip(params, grads):
        p.grad = g
    optimizer.step()
