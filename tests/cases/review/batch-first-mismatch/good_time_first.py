from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, x):
        out, _ = self.lstm(x.transpose(0, 1))
        return self.head(out[-1])
