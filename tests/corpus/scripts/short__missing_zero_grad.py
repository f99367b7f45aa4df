# expect: missing-zero-grad
import torch, copy
from torch import nn
import torch.nn.functional as F

def train(cfg):
    net=nn.Linear(4,3); opts={"main": torch.optim.Adam(net.parameters(), lr=cfg.lr)}
    for ep in range(cfg.epochs):
        for x,y in train_loader:
            F.cross_entropy(net(x),y).backward()
            opts["main"].step()
from types import SimpleNamespace
train(SimpleNamespace(lr=1e-3, epochs=3))
