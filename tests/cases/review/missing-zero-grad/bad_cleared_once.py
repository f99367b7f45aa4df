import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
optimizer.zero_grad()
for step, (x, y) in enumerate(train_loader):
    F.cross_entropy(model(x), y).backward()  # <-- missing-zero-grad
    optimizer.step()
