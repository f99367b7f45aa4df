import torch
from torch import nn
import torch.nn.functional as F

from torch.utils.data import DataLoader, Subset, TensorDataset, random_split
from torch.utils.data import SubsetRandomSampler

train_dl = DataLoader(dataset, batch_size=64, sampler=SubsetRandomSampler(range(800)))
val_dl = DataLoader(dataset, batch_size=64, sampler=SubsetRandomSampler(range(800, 1000)))

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
        for x, y in val_dl:
            print(F.cross_entropy(model(x), y).item())
