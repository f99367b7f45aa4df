import torch
from torch.optim import SGD

base = 1e-3
model = torch.nn.Linear(3, 2)
opt = SGD(model.parameters(), lr=base / 100, momentum=0.9, nesterov=True)  # <-- sgd-lr-out-of-range
