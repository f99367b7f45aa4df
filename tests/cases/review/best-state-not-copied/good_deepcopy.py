import torch
from torch import nn
import torch.nn.functional as F

import copy

class EarlyStopping:
    def __init__(self, patience=3):
        self.patience, self.best, self.waited = patience, float("inf"), 0
        self.best_weights = None

    def step(self, loss, model):
        if loss < self.best:
            self.best, self.waited = loss, 0
            self.best_weights = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience


model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
stopper = EarlyStopping()
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    if stopper.step(validate(model), model):
        break
model.load_state_dict(stopper.best_weights)
