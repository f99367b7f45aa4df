import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

x, y = load_breast_cancer(return_X_y=True)
x, y = torch.tensor(x).float(), torch.tensor(y)
model = nn.Sequential(nn.BatchNorm1d(30), nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
