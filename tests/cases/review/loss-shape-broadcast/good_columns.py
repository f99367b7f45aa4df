import torch
from torch import nn
import torch.nn.functional as F

x = torch.randn(256, 8)
y = torch.randn(256, 1)
model = nn.Linear(8, 1)
loss = F.mse_loss(model(x), y)
