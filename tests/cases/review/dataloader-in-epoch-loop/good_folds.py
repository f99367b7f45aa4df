from sklearn.model_selection import KFold
from torch.utils.data import Subset
import torch
from torch import nn
from torch.utils.data import DataLoader

for fold, (train_index, val_index) in enumerate(KFold(5).split(data)):
    model = nn.Linear(10, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = DataLoader(Subset(data, train_index), batch_size=64, shuffle=True)
    for epoch in range(5):
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
