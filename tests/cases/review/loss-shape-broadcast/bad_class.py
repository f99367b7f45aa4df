import torch
from torch import nn
import torch.nn.functional as F

from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(1, 32), nn.Linear(32, 1)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


xs = torch.linspace(-3, 3, 1000)
ys = torch.sin(xs)
loader = DataLoader(TensorDataset(xs.unsqueeze(1), ys), batch_size=64, shuffle=True)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
criterion = nn.MSELoss()
for x, y in loader:
    optimizer.zero_grad()
    loss = criterion(net(x), y)  # <-- loss-shape-broadcast
    loss.backward()
    optimizer.step()
