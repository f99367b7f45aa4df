import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(100, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.embed(x).mean(1))


net = Net()
net.embed.requires_grad_(False)
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)  # <-- frozen-parameters-optimized
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
