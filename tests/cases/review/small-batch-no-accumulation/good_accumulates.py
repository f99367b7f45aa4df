import torch
from torch.utils.data import DataLoader

loader = DataLoader(data, batch_size=4, shuffle=True)
accumulate = 8
for i, (x, y) in enumerate(loader):
    loss = criterion(model(x), y) / accumulate
    loss.backward()
    if (i + 1) % accumulate == 0 or i + 1 == len(loader):
        optimizer.step()
        optimizer.zero_grad()
