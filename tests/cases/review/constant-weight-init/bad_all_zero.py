from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 64)
        self.b = nn.Linear(64, 2)
        nn.init.zeros_(self.a.weight)  # <-- constant-weight-init
        nn.init.zeros_(self.b.weight)

    def forward(self, x):
        return self.b(self.a(x).relu())
