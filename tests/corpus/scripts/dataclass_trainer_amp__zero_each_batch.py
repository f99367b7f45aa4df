# expect: zero-grad-misplaced
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class TrainConfig:
    lr: float = 3e-4
    weight_decay: float = 0.01
    epochs: int = 10
    batch_size: int = 32
    accumulate: int = 4
    clip: float = 1.0
    sizes: list = field(default_factory=lambda: [64, 256, 256, 10])


class MLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        for block in self.blocks[:-1]:
            x = self.drop(torch.relu(block(x)))
        return self.blocks[-1](x)


class Trainer:
    def __init__(self, model, config, train_data, val_data):
        self.config = config
        self.model = model.cuda()
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.lr, weight_decay=config.weight_decay
        )
        self.scaler = torch.amp.GradScaler("cuda")
        self.train_loader = DataLoader(train_data, batch_size=config.batch_size, shuffle=True)
        self.val_loader = DataLoader(val_data, batch_size=256)
        self.history = []

    def _loss(self, x, y):
        with torch.autocast("cuda", dtype=torch.float16):
            return self.criterion(self.model(x.cuda()), y.cuda())

    def _step(self):
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for i, (x, y) in enumerate(self.train_loader):
            self.optimizer.zero_grad()
            loss = self._loss(x, y) / self.config.accumulate
            self.scaler.scale(loss).backward()
            if (i + 1) % self.config.accumulate == 0:
                self._step()
            total += loss.detach()
        return total.item()

    def validate(self):
        self.model.eval()
        total = 0.0
        with torch.inference_mode():
            for x, y in self.val_loader:
                total += self._loss(x, y).item()
        return total / len(self.val_loader)

    def fit(self):
        for epoch in range(self.config.epochs):
            train_loss = self.train_epoch()
            self.history.append((train_loss, self.validate()))


config = TrainConfig()
data = TensorDataset(features, labels)
train_data, val_data = torch.utils.data.random_split(data, [0.9, 0.1])
Trainer(MLP(config.sizes), config, train_data, val_data).fit()
