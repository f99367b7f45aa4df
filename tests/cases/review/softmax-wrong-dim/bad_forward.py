import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return F.log_softmax(self.fc(x), dim=0)  # <-- softmax-wrong-dim


net = Net()
for x, y in train_loader:
    loss = F.nll_loss(net(x), y)
