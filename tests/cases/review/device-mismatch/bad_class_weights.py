import torch
from torch import nn
from torch.utils.data import DataLoader

device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Linear(10, 3)
model.to(device)
criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]))  # <-- device-mismatch
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in DataLoader(data, batch_size=64, shuffle=True):
    x, y = x.to(device), y.to(device)
    optimizer.zero_grad()
    criterion(model(x), y).backward()
    optimizer.step()
