import torch
from torch import nn
import torch.nn.functional as F

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.lin = nn.Linear(width, width)

    def forward(self, x):
        return x + torch.relu(self.lin(x))


class Tower(nn.Module):
    def __init__(self, depth=6, width=32):
        super().__init__()
        blocks = []
        for _ in range(depth):
            blocks.append(Block(width))
        self.blocks = blocks  # <-- unregistered-submodules
        self.out = nn.Linear(width, 3)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.out(x)


tower = Tower()
