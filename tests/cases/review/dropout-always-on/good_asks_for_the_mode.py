from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, p=0.2):
        super().__init__()
        self.a, self.p = nn.Linear(10, 2), p

    def forward(self, x):
        if self.training and self.p > 0:
            x = F.dropout(x, p=self.p)
        return self.a(x)
