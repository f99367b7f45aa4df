import torch
from torch import nn
from torch.utils.data import DataLoader


def train(model, data, epochs=5):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(epochs):
        loader = DataLoader(data, batch_size=64, shuffle=True)  # <-- dataloader-in-epoch-loop
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()


train(nn.Linear(10, 2), data)
