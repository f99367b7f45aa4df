import torch
from torch import nn
import torch.nn.functional as F

class Trainer:
    def __init__(self, model, loader, lr=1e-3):
        self.model, self.loader = model, loader
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
        self.criterion = nn.CrossEntropyLoss()

    def train_step(self, x, y):
        loss = self.criterion(self.model(x), y)
        loss.backward()  # <-- missing-zero-grad
        self.optimizer.step()
        return loss.item()

    def fit(self, epochs=5):
        for epoch in range(epochs):
            self.model.train()
            total = sum(self.train_step(x, y) for x, y in self.loader)
            print(epoch, total / len(self.loader))


Trainer(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)), train_loader).fit()
