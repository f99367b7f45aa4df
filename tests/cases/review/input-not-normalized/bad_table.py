import torch
from sklearn.datasets import fetch_california_housing
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x, y = fetch_california_housing(return_X_y=True)  # <-- input-not-normalized
data = TensorDataset(torch.tensor(x).float(), torch.tensor(y).float().unsqueeze(1))
model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(5):
    for a, b in DataLoader(data, batch_size=64, shuffle=True):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(a), b).backward()
        optimizer.step()
