import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(F.relu(self.norm(self.conv(x))).mean((2, 3)))


class Trainer:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)

    def fit(self, train_loader, val_loader, epochs=10):
        for epoch in range(epochs):
            self.net.train()
            for x, y in train_loader:
                self.opt.zero_grad()
                F.cross_entropy(self.net(x), y).backward()
                self.opt.step()
            self.validate(val_loader)

    def validate(self, loader):
        with torch.no_grad():
            for x, y in loader:  # <-- missing-eval-mode
                print(F.cross_entropy(self.net(x), y).item())


Trainer().fit(train_loader, val_loader)
