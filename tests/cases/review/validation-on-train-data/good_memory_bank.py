"""Features of the training images are collected without a graph for a memory bank."""

import torch.nn.functional as F
from torch import nn
from torch import optim
from torch.utils.data import DataLoader

import torchvision.transforms as T
from torchvision.datasets import CIFAR10
train_ds = CIFAR10("d", train=True, transform=T.ToTensor())
test_ds = CIFAR10("d", train=False, transform=T.ToTensor())
loader = DataLoader(train_ds, batch_size=256, shuffle=True, drop_last=True)
memory_loader = DataLoader(train_ds, batch_size=512)
test_loader = DataLoader(test_ds, batch_size=512)
model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 128))
opt = optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(10):
    model.train()
    for x, y in loader:
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        bank = []
        for x, y in memory_loader:
            bank.append(model(x))
        for x, y in test_loader:
            z = model(x)
