import torch
from torch import nn
import torch.nn.functional as F

class Attention(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        scores = self.q(x) @ self.k(x).transpose(1, 2) / 8
        return torch.softmax(scores, dim=-1) @ self.v(x)  # <-- missing-causal-mask


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.attend, self.head = nn.Embedding(1000, 64), Attention(), nn.Linear(64, 1000)

    def forward(self, ids):
        return self.head(self.attend(self.embed(ids)))


lm = LM()
for ids in train_loader:
    loss = F.cross_entropy(lm(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
