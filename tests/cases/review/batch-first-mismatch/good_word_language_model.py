import torch
from torch import nn


class LanguageModel(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 32)
        self.rnn = nn.LSTM(32, 32)
        self.out = nn.Linear(32, vocabulary)

    def forward(self, tokens, state):
        h, state = self.rnn(self.embedding(tokens), state)
        return self.out(h), state


def get_batch(source, i, length=35):
    return source[i : i + length], source[i + 1 : i + 1 + length].reshape(-1)
