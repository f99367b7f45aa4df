import torch
from torch import nn
import torch.nn.functional as F

w = torch.randn(8, 3, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.05, momentum=0.9)
for x, y in train_loader:
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None
    F.cross_entropy(x @ w, y).backward()
    optimizer.step()
