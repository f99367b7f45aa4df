import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.sizes = [8, 16, 3]
        self.activations = [nn.ReLU(), nn.GELU()]
        self.layers = nn.ModuleDict({str(i): nn.Linear(a, a) for i, a in enumerate(self.sizes)})

    def forward(self, x):
        return self.layers["0"](x)


net = Net()
