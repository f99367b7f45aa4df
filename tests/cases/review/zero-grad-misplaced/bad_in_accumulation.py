import torch
from torch import nn
import torch.nn.functional as F

ACCUMULATE = 4
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for i, (x, y) in enumerate(train_loader):
    optimizer.zero_grad()  # <-- zero-grad-misplaced
    loss = F.cross_entropy(model(x), y) / ACCUMULATE
    loss.backward()
    if (i + 1) % ACCUMULATE == 0:
        optimizer.step()
