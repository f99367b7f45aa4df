import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    loss = F.cross_entropy(model(x), y)
    for p in model.parameters():
        loss += 1e-4 * p.pow(2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
