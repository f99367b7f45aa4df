import os
import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms as T


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class ConvBlock(nn.Sequential):
    def __init__(self, c_in, c_out):
        super().__init__(nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU())


class SmallResNet(nn.Module):
    def __init__(self, width=64, num_classes=10):
        super().__init__()
        self.stem = ConvBlock(3, width)
        self.body = nn.Sequential(ConvBlock(width, width), nn.MaxPool2d(2), ConvBlock(width, 2 * width), nn.MaxPool2d(2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(2 * width, num_classes)

    def forward(self, x):
        x = self.body(self.stem(x))
        return self.head(self.pool(x).flatten(1))


class Trainer:
    def __init__(self, model, train_loader, val_loader, lr=0.0001, epochs=60, device="cuda"):
        self.model = model.to(device)
        self.device = device
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.epochs = epochs
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs)
        self.best = 0.0

    def train_epoch(self):
        self.model.train()
        running = 0.0
        for images, labels in self.train_loader:
            images, labels = images.to(self.device), labels.to(self.device)
            loss = self.criterion(self.model(images), labels)
            loss.backward()
            self.optimizer.step()
            running += loss.item() * images.size(0)
        return running / len(self.train_loader.dataset)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        hits = total = 0
        for images, labels in self.val_loader:
            images, labels = images.to(self.device), labels.to(self.device)
            hits += (self.model(images).argmax(1) == labels).sum().item()
            total += labels.numel()
        return hits / total

    def fit(self):
        for epoch in range(self.epochs):
            loss = self.train_epoch()
            acc = self.validate()
            self.scheduler.step()
            print(f"epoch {epoch}: loss {loss:.3f} acc {acc:.3f}")
            if acc > self.best:
                self.best = acc
                torch.save(self.model.state_dict(), os.path.join("runs", "best.pt"))


if __name__ == "__main__":
    seed_everything(0)
    norm = T.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261))
    train_tf = T.Compose([T.RandomCrop(32, padding=4), T.RandomHorizontalFlip(), T.ToTensor(), norm])
    val_tf = T.Compose([T.ToTensor(), norm])
    train_set = datasets.CIFAR10("data", train=True, download=True, transform=train_tf)
    val_set = datasets.CIFAR10("data", train=False, download=True, transform=val_tf)
    train_loader = DataLoader(train_set, batch_size=128, shuffle=True, num_workers=4, pin_memory=True)
    val_loader = DataLoader(val_set, batch_size=256, shuffle=False, num_workers=4)
    Trainer(SmallResNet(), train_loader, val_loader).fit()
