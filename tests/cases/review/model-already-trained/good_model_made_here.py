# %% ran before
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbtrain.running import ledger

data = TensorDataset(torch.randn(64, 10), torch.randint(0, 2, (64,)))
train_loader = DataLoader(data, batch_size=16, shuffle=True)
net = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
criterion = nn.CrossEntropyLoss()
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
ledger.note(net, "first", epochs=2, steps=8)
ledger.note(net, "second", epochs=1, steps=4)
ledger.started("first", 12)
ledger.started("second", 15)

# %% under review
net = nn.Linear(10, 2)
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
for xb, yb in train_loader:
    opt.zero_grad()
    criterion(net(xb), yb).backward()
    opt.step()
