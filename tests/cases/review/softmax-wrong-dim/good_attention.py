import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.q, self.k, self.v = nn.Conv1d(width, 8, 1), nn.Conv1d(width, 8, 1), nn.Conv1d(width, width, 1)
        self.mix = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        scores = torch.bmm(self.q(x).transpose(1, 2), self.k(x))
        weights = torch.softmax(scores, dim=-1)
        mixed = torch.softmax(self.mix, dim=0)
        return mixed[0] * torch.bmm(self.v(x), weights.transpose(1, 2)) + x
