import gzip

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


def read_images(path):
    with gzip.open(path) as f:
        return np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)


def read_labels(path):
    with gzip.open(path) as f:
        return np.frombuffer(f.read(), np.uint8, offset=8)


x = torch.from_numpy(read_images("train-images.gz").copy()).float()
y = torch.from_numpy(read_labels("train-labels.gz").copy()).long()
train_dl = DataLoader(TensorDataset(x[:50000], y[:50000]), batch_size=128, shuffle=True)
valid_dl = DataLoader(TensorDataset(x[50000:], y[50000:]), batch_size=512)
cnn = nn.Sequential(
    nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(512, 10),
)
opt = torch.optim.SGD(cnn.parameters(), lr=0.01, momentum=0.9)
lossf = nn.CrossEntropyLoss()
for epoch in range(5):
    cnn.train()
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = lossf(cnn(xb), yb)
        loss.backward()
        opt.step()
    cnn.eval()
    with torch.no_grad():
        acc = torch.cat([(cnn(xb).argmax(1) == yb).float() for xb, yb in valid_dl]).mean().item()
    print(epoch, loss.item(), acc)
torch.save(cnn.state_dict(), "fashion.pt")
