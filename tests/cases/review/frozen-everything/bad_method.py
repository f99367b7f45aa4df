import torch
from torch import nn
import torch.nn.functional as F

def freeze(net):
    for p in net.parameters():
        p.requires_grad_(False)  # <-- frozen-everything


net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
freeze(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
