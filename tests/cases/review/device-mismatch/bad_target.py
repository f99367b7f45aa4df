import torch
from torch import nn
from torch.utils.data import DataLoader

device = torch.device("cuda")
model = nn.Linear(10, 2).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(data, batch_size=64, shuffle=True)
for x, y in train_loader:
    x = x.to(device)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)  # <-- device-mismatch
    loss.backward()
    optimizer.step()
