import torch
from torch import nn
import torch.nn.functional as F

from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

dataset = TensorDataset(features, labels)
train_set, val_set = random_split(dataset, [0.8, 0.2])
train_dl = DataLoader(train_set, batch_size=64, shuffle=True)
valid_dl = DataLoader(val_set, batch_size=128)

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(5):
    model.train()
    for x, y in train_dl:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for x, y in valid_dl:
            print(F.cross_entropy(model(x), y).item())
