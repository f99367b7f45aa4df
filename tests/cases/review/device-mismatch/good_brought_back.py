import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

device = torch.device("cuda")
train_loader = DataLoader(TensorDataset(torch.randn(64, 8), torch.randn(64)), batch_size=16, shuffle=True)
model = nn.Linear(8, 1).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(3):
    for x, y in train_loader:
        loss = nn.functional.mse_loss(model(x.to(device)).flatten().cpu(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
