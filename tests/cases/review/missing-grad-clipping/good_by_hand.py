import torch
from torch import nn

model = nn.GRU(8, 16)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def limit(parameters, most):
    total = torch.sqrt(sum(p.grad.pow(2).sum() for p in parameters))
    for p in parameters:
        p.grad.mul_(torch.clamp(most / (total + 1e-6), max=1.0))


for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x)[0], y).backward()
    limit(list(model.parameters()), 1.0)
    optimizer.step()
