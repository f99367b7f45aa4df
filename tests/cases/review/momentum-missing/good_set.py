import torch
from torch import nn
import torch.nn.functional as F

momentum = 0.9
net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
