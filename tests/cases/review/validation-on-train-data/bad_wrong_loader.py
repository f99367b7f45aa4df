import torch
from torch import nn
import torch.nn.functional as F

from torch.utils.data import DataLoader, Subset, TensorDataset, random_split
def train_epoch(model, loader, optimizer):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    correct = 0
    for x, y in loader:
        correct += (model(x).argmax(1) == y).sum().item()
    return correct



train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
val_loader = DataLoader(val_set, batch_size=128)
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(5):
    train_epoch(model, train_loader, optimizer)
    val_acc = evaluate(model, train_loader)  # <-- validation-on-train-data
    print(val_acc)
