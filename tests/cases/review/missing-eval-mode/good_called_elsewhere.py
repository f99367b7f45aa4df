import torch
from torch import nn
import torch.nn.functional as F

@torch.no_grad()
def accuracy(model, loader):
    correct = 0
    for x, y in loader:
        correct += (model(x).argmax(1) == y).sum().item()
    return correct
