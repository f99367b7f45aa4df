from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.drop = nn.Linear(10, 2), nn.Dropout(0.2)

    def forward(self, x):
        return self.a(self.drop(x))
