import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from photos import Photos

photos = Photos("all")
train_loader = DataLoader(Subset(photos, range(0, 9000)), batch_size=64, shuffle=True)
val_loader = DataLoader(Subset(photos, list(range(8000, 10000))), batch_size=64)  # <-- validation-on-train-data
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        for x, y in val_loader:
            print(nn.functional.cross_entropy(model(x), y).item())
