import torch
from torch import nn
import torch.nn.functional as F

def train_epoch(model, loader, optimizer):
    model.train()
    optimizer.zero_grad()  # <-- zero-grad-misplaced
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()


model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(10):
    train_epoch(model, train_loader, optimizer)
