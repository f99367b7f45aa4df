import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(4000, 12)
y = (x[:, :3].sum(1) > 0).float()
train_dl = DataLoader(TensorDataset(x[:3200], y[:3200]), batch_size=128, shuffle=True)
val_dl = DataLoader(TensorDataset(x[3200:], y[3200:]), batch_size=256)
models = {f"m{i}": nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1)) for i in range(5)}
optims = {k: torch.optim.AdamW(m.parameters(), lr=2e-3) for k, m in models.items()}
bce = nn.BCEWithLogitsLoss()
for epoch in range(8):
    for m in models.values():
        m.train()
    for xb, yb in train_dl:
        for k, m in models.items():
            optims[k].zero_grad()
            loss = bce(m(xb).squeeze(-1), yb)
            loss.backward()
            optims[k].step()
    for m in models.values():
        m.eval()
    with torch.no_grad():
        votes = torch.cat([torch.stack([m(xb).squeeze(-1).sigmoid() for m in models.values()]).mean(0) for xb, _ in val_dl])
    print(epoch, ((votes > 0.5).float() == y[3200:]).float().mean().item())
torch.save({k: m.state_dict() for k, m in models.items()}, "ensemble.pt")
