import torch
from torch import nn
import torch.nn.functional as F

x = torch.randn(256, 8)
y = torch.randn(256)
model = nn.Linear(8, 1)
loss = F.mse_loss(model(x).squeeze(1), y) + F.mse_loss(model(x), y.unsqueeze(1)) + F.l1_loss(model(x)[:, 0], y)
