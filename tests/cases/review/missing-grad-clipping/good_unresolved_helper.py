import torch
from mylib import optimize_step
from torch import nn

model = nn.GRU(8, 16)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x)[0], y)
    loss.backward()
    optimize_step(model, optimizer)
    optimizer.step()
