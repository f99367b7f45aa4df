import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
device = torch.device("cuda")
x = torch.randn(10000, 40)
y = torch.randint(0, 5, (10000,))
train_loader = DataLoader(TensorDataset(x[:8000], y[:8000]), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(x[8000:], y[8000:]), batch_size=64)
model = nn.Sequential(nn.Linear(40, 128), nn.ReLU(), nn.Linear(128, 5)).to(device)
weights = torch.tensor([1.0, 2.0, 1.0, 1.5, 1.0])
criterion = nn.CrossEntropyLoss(weight=weights.to(device))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(10):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val = sum(criterion(model(xb.to(device)), yb.to(device)).item() for xb, yb in val_loader) / len(val_loader)
    print(epoch, val)
torch.save(model.state_dict(), "mlp.pt")
