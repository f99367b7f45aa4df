import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)


def accuracy(loader):
    right = 0
    with torch.no_grad():
        for x, y in loader:  # <-- test-set-used-for-selection
            right += (model(x).argmax(1) == y).sum().item()
    return right / len(loader.dataset)


best = 0.0
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    val_acc, test_acc = accuracy(val_loader), accuracy(test_loader)
    print(epoch, val_acc, test_acc)
    if test_acc > best:
        best = test_acc
        torch.save(model.state_dict(), "best.pt")
