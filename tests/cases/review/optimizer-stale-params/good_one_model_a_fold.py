import torch
from torch import nn
import torch.nn.functional as F

from sklearn.model_selection import KFold

for fold, (train_idx, val_idx) in enumerate(KFold(5).split(features)):
    model = nn.Linear(8, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(10):
        for x, y in make_train_loader(train_idx):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
