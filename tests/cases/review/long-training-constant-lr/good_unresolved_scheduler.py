import torch
from mylib import build_scheduler

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = build_scheduler(optimizer, epochs=90)
for epoch in range(90):
    for x, y in train_loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
