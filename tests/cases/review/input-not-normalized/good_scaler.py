import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

x, y = load_wine(return_X_y=True)
x = torch.tensor(StandardScaler().fit_transform(x)).float()
model = nn.Linear(13, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), torch.tensor(y)).backward()
    optimizer.step()
