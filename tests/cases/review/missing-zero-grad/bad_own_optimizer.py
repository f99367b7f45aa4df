import torch
from torch import nn


class Momentum:
    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr
        self.held = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, held in zip(self.params, self.held):
            held.mul_(0.9).add_(p.grad)
            p.sub_(self.lr * held)


model = nn.Linear(3, 1)
optimizer = Momentum(model.parameters(), lr=0.01)
for x, y in train_loader:
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()  # <-- missing-zero-grad
    optimizer.step()
