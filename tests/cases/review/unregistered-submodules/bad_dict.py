import torch
from torch import nn
import torch.nn.functional as F

class MultiHead(nn.Module):
    def __init__(self, tasks):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.heads = {"colour": nn.Linear(16, 3), "shape": nn.Linear(16, 5)}  # <-- unregistered-submodules

    def forward(self, x, task):
        return self.heads[task](torch.relu(self.body(x)))
