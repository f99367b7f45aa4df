"""One sample at a time: a vector goes in, a vector of one comes out, and so is the target."""
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
inputs, targets = torch.randn(100, 4), torch.randn(100)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for step in range(100):
    optimizer.zero_grad()
    loss = F.mse_loss(model(torch.randn(4)), targets[step : step + 1])
    loss.backward()
    optimizer.step()
