import torch
from torch import nn
import torch.nn.functional as F

cfg = {"epochs": 90, "milestones": [30, 60, 80], "lr": 0.1}
model = nn.Linear(8, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=cfg["lr"], momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=cfg["milestones"])


def train_epoch():
    for x, y in train_loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()  # <-- scheduler-wrong-granularity


for epoch in range(cfg["epochs"]):
    train_epoch()
