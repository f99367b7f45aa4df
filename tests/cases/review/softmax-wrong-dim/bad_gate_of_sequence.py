import torch.nn.functional as F
from torch import nn


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(8, 16, batch_first=True)
        self.gate = nn.Linear(16, 4)

    def forward(self, x):
        out, _ = self.gru(x)
        return F.softmax(self.gate(out), dim=0)  # <-- softmax-wrong-dim
