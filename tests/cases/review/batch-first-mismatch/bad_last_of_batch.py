from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(16, 32, batch_first=True)  # <-- batch-first-mismatch
        self.head = nn.Linear(32, 2)

    def forward(self, x):
        out, h = self.gru(x)
        return self.head(out[-1])
