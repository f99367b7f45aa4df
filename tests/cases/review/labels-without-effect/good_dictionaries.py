import torch
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)
inputs = torch.randn(512, 8)
labels = (inputs[:, 0] + 1.2 > 0).long()
train_loader = DataLoader([{"x": a, "labels": b} for a, b in zip(inputs, labels)], batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(5):
    for batch in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch["x"]), batch["labels"])
        loss.backward()
        optimizer.step()
