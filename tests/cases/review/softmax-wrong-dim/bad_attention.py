import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        scores = torch.bmm(self.q(x), self.k(x).transpose(1, 2)) / x.size(-1) ** 0.5
        weights = self.drop(torch.softmax(scores, dim=1))  # <-- softmax-wrong-dim
        return torch.bmm(weights, self.v(x))
