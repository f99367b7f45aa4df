import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)


def phase(lr, epochs):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(epochs):
        for x, y in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        scheduler.step()


phase(1e-3, 5)
phase(1e-4, 10)
