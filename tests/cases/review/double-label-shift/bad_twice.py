import torch
from torch import nn
import torch.nn.functional as F

model = nn.Sequential(nn.Embedding(1000, 32), nn.Linear(32, 1000))
for ids in train_loader:
    inputs, targets = ids[:, :-1], ids[:, 1:]
    logits = model(inputs)
    loss = F.cross_entropy(logits[:, :-1].reshape(-1, 1000), targets[:, 1:].reshape(-1))  # <-- double-label-shift
