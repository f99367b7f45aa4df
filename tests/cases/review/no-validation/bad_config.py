import torch
from torch import nn
import torch.nn.functional as F

config = {"epochs": 15, "lr": 1e-3}
net = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(net.parameters(), lr=config["lr"])
for epoch in range(config["epochs"]):  # <-- no-validation
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(epoch, total)
