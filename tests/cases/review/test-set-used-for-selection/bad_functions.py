import torch
from torch import nn
import torch.nn.functional as F

def train_epoch(model, loader, optimizer):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    correct = 0
    for x, y in loader:  # <-- test-set-used-for-selection
        correct += (model(x).argmax(1) == y).sum().item()
    return correct



import copy

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
best_acc = 0.0
for epoch in range(20):
    train_epoch(model, train_loader, optimizer)
    acc = accuracy(model, test_loader)
    if acc > best_acc:
        best_acc = acc
        best_state = copy.deepcopy(model.state_dict())
print("accuracy", best_acc)
