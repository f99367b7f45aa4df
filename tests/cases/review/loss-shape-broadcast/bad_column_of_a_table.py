import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    def __init__(self, table, y=None):
        self.x = table[["a", "b"]].values.astype(np.float32)
        self.y = None if y is None else torch.tensor(table[y].values, dtype=torch.float32)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        if self.y is None:
            return self.x[i]
        return self.x[i], self.y[i]


train_loader = DataLoader(Rows(pd.read_csv("rows.csv"), "price"), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    loss = nn.functional.mse_loss(model(x), y)  # <-- loss-shape-broadcast
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
