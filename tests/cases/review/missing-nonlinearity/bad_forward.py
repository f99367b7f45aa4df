import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, n_in, hidden=128):
        super().__init__()
        self.fc1 = nn.Linear(n_in, hidden)
        self.drop = nn.Dropout(0.2)
        self.fc2 = nn.Linear(hidden, hidden)  # <-- missing-nonlinearity
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        x = self.drop(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.out(x)
