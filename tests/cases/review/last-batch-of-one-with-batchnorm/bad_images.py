from torch.utils.data import TensorDataset
import torch
from torch import nn
from torch.utils.data import DataLoader


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3)))


net = Net()
data = TensorDataset(torch.rand(33, 1, 28, 28), torch.randint(0, 2, (33,)))
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
loader = DataLoader(data, batch_size=16, shuffle=True)  # <-- last-batch-of-one-with-batchnorm
for x, y in loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
