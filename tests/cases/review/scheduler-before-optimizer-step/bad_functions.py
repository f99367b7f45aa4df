import torch
from torch import nn
import torch.nn.functional as F

def train_one_epoch(model, loader, optimizer):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def main(epochs=12):
    model = nn.Linear(8, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [6, 9])
    for epoch in range(epochs):
        scheduler.step()  # <-- scheduler-before-optimizer-step
        train_one_epoch(model, train_loader, optimizer)


main()
