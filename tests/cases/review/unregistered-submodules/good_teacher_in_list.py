import torch
from torch import nn
import torch.nn.functional as F

class Student(nn.Module):
    def __init__(self, teacher):
        super().__init__()
        self._teacher = [teacher]
        self.net = nn.Linear(8, 3)

    def forward(self, x):
        return self.net(x), self._teacher[0](x)
