import torch
from torch import nn
import torch.nn.functional as F

def train_epoch(model, loader, optimizer, criterion):
    running_loss = 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running_loss += loss * x.size(0)  # <-- loss-graph-retained
    return running_loss / len(loader.dataset)


model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_epoch(model, train_loader, optimizer, nn.CrossEntropyLoss())
