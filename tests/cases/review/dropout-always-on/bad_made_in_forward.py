import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 64)
        self.b = nn.Linear(64, 2)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = nn.Dropout(0.5)(x)  # <-- dropout-always-on
        return self.b(x)
