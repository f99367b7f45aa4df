import torch
from torch import nn
from torch.utils.data import DataLoader


class PriceWindows(torch.utils.data.Dataset):
    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values) - 30

    def __getitem__(self, i):
        return self.values[i : i + 30], self.values[i + 30]


model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loader = DataLoader(PriceWindows(values), batch_size=64)
for epoch in range(5):
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
