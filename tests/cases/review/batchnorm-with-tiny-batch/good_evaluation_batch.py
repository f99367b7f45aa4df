import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2))
val_loader = DataLoader(val_data, batch_size=1)
model.eval()
with torch.no_grad():
    for x, y in val_loader:
        print(model(x).argmax(1), y)
