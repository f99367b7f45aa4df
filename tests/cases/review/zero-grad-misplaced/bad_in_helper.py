import torch
from torch import nn
import torch.nn.functional as F

def update(optimizer, loss):
    loss.backward()
    optimizer.zero_grad(set_to_none=True)  # <-- zero-grad-misplaced
    optimizer.step()


net = nn.Linear(8, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for x, y in train_loader:
    update(opt, F.cross_entropy(net(x), y))
