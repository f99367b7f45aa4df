import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 3)
        for p in self.body.parameters():
            p.requires_grads = False  # <-- requires-grad-typo

    def forward(self, x):
        return self.head(self.body(x).relu())


net = Net()
