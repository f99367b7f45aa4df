import torch
from torch import nn


class Decoder(nn.Module):
    def __init__(self, hidden, embedded, vocabulary):
        super().__init__()
        self.mix = nn.Linear(hidden, hidden)
        self.to_embedded = nn.Linear(hidden, embedded)
        self.out = nn.Linear(embedded, vocabulary)

    def forward(self, x):
        return self.out(self.to_embedded(torch.tanh(self.mix(x))))
