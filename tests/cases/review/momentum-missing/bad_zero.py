import torch
from torch import nn
import torch.nn.functional as F

net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.0, weight_decay=1e-4)  # <-- momentum-missing
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
