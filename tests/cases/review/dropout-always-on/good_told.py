from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, p=0.2):
        super().__init__()
        self.a, self.p = nn.Linear(10, 2), p

    def forward(self, x):
        return self.a(F.dropout(x, self.p, self.training))
