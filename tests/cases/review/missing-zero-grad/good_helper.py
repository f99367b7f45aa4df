import torch
from torch import nn
import torch.nn.functional as F

def clear(net):
    for p in net.parameters():
        if p.grad is not None:
            p.grad.zero_()


def train(net, optimizer, loader):
    for x, y in loader:
        clear(net)
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()


net = nn.Linear(8, 3)
train(net, torch.optim.AdamW(net.parameters(), lr=1e-3), train_loader)
