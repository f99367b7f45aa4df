import torch
from torch import nn
from torch.utils.data import DataLoader


class Trainer:
    def __init__(self, model, data):
        self.model, self.data = model, data
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def fit(self, epochs):
        for epoch in range(epochs):
            for x, y in DataLoader(self.data, batch_size=64, shuffle=True):  # <-- dataloader-in-epoch-loop
                self.optimizer.zero_grad()
                nn.functional.cross_entropy(self.model(x), y).backward()
                self.optimizer.step()


Trainer(nn.Linear(10, 2), data).fit(5)
