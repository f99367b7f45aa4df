import torch
from torch import nn
import torch.nn.functional as F

class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 1)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        weights = torch.softmax(self.score(x), dim=1)
        return self.head((weights * x).sum(1))


net = Pool()
loss = nn.CrossEntropyLoss()(net(x), y)
