import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, 4)  # <-- batch-first-mismatch
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, 2)

    def forward(self, tokens):
        return self.head(self.encoder(tokens)[:, 0])
