import torch
from torch import nn
import torch.nn.functional as F

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.CrossEntropyLoss()
for x, y in train_loader:
    print(criterion(model(x), y))  # <-- loss-input-mismatch
