"""A model's own compute_loss trains, and is called again under no_grad to evaluate: no trainer calls it."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim
from torch.utils.data import DataLoader, TensorDataset

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 2)
    def forward(self, x):
        return self.fc(x)
    def compute_loss(self, x, y):
        return F.cross_entropy(self(x), y)
loader = DataLoader(TensorDataset(torch.randn(100,10), torch.randint(0,2,(100,))), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(torch.randn(100,10), torch.randint(0,2,(100,))), batch_size=32)
model = Net()
opt = optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(10):
    model.train()
    for x, y in loader:
        opt.zero_grad()
        loss = model.compute_loss(x, y)
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            total = model.compute_loss(x, y)
