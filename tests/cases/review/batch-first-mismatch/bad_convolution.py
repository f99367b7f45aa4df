import torch
from torch import nn


class Audio(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(80, 128, 3, padding=1)
        self.rnn = nn.LSTM(128, 64, bidirectional=True)  # <-- batch-first-mismatch
        self.head = nn.Linear(128, 30)

    def forward(self, x):
        h = torch.relu(self.conv(x)).transpose(1, 2)
        out, _ = self.rnn(h)
        return self.head(out)
