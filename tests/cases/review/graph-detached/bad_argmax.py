import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, x):
        return self.body(x)


net = Net()
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    predicted = net(x).argmax(dim=1).float()  # <-- graph-detached
    loss = F.mse_loss(predicted, y.float())
    loss.requires_grad_(True)
    loss.backward()
    optimizer.step()
