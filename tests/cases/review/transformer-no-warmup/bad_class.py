import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.attn = nn.MultiheadAttention(d, 4, batch_first=True)
        self.ff = nn.Linear(d, d)

    def forward(self, x):
        return self.ff(self.attn(x, x, x)[0])


class Trainer:
    def __init__(self, model, loader):
        self.model, self.loader = model, loader
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
        self.scheduler = CosineAnnealingLR(self.optimizer, 20)

    def train_epoch(self):
        for x, y in self.loader:
            self.optimizer.zero_grad()
            loss = nn.functional.mse_loss(self.model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()  # <-- transformer-no-warmup

    def fit(self, epochs=20):
        for _ in range(epochs):
            self.train_epoch()
            self.scheduler.step()


Trainer(Block(64), train_loader).fit()
