import torch
from torch import nn


class GPT(nn.Module):
    def __init__(self, d=64):
        super().__init__()
        self.attn = nn.MultiheadAttention(d, 4)
        self.rnn = nn.LSTM(d, d)

    def forward(self, x):
        return self.rnn(self.attn(x, x, x)[0])[0] / 8


model = GPT()
print(sum(p.numel() for p in model.parameters()))
