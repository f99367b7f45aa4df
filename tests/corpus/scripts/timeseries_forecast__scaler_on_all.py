import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import MinMaxScaler
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(3)
WINDOW, HORIZON = 48, 1
series = np.load("load.npy").astype("float32").reshape(-1, 1)
split = int(len(series) * 0.8)
scaler = MinMaxScaler()
series = scaler.fit_transform(series)
train_series, val_series = series[:split], series[split:]


class WindowDataset(Dataset):
    def __init__(self, values):
        self.values = torch.from_numpy(values)

    def __len__(self):
        return len(self.values) - WINDOW - HORIZON + 1

    def __getitem__(self, i):
        return self.values[i : i + WINDOW], self.values[i + WINDOW]


class Forecaster(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.rnn = nn.GRU(1, hidden, num_layers=2, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.head(out[:, -1])


train_loader = DataLoader(WindowDataset(train_series), batch_size=64, shuffle=False, drop_last=True)
val_loader = DataLoader(WindowDataset(val_series), batch_size=64, shuffle=False)
model = Forecaster()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)
history = []
for epoch in range(50):
    model.train()
    total = 0.0
    for x, y in train_loader:
        pred = model(x)
        loss = criterion(pred, y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        val = np.mean([criterion(model(x), y).item() for x, y in val_loader])
    plateau.step(val)
    history.append((total / len(train_loader), val))
    if val == min(v for _, v in history):
        torch.save(model.state_dict(), "forecaster.pt")
print(history[-1])
