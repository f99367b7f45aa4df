import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=64, shuffle=True)
train_eval_loader = DataLoader(train_data, batch_size=512)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in train_eval_loader)
    print(epoch, right / len(train_data))
