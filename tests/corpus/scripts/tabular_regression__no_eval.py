# expect: missing-eval-mode
import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

frame = pd.read_csv("houses.csv")
X = frame.drop(columns="price").to_numpy(dtype=np.float32)
y = np.log1p(frame["price"].to_numpy(dtype=np.float32))
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=0)
scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_val = scaler.transform(X_val)

train_ds = TensorDataset(torch.from_numpy(X_train), torch.from_numpy(y_train))
val_ds = TensorDataset(torch.from_numpy(X_val), torch.from_numpy(y_val))
train_dl = DataLoader(train_ds, batch_size=64, shuffle=True)
val_dl = DataLoader(val_ds, batch_size=256)

torch.manual_seed(0)
net = nn.Sequential(
    nn.Linear(X.shape[1], 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
)
loss_fn = nn.MSELoss()
opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
for epoch in range(25):
    net.train()
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = loss_fn(net(xb).squeeze(-1), yb)
        loss.backward()
        opt.step()
    with torch.no_grad():
        val = sum(loss_fn(net(xb).squeeze(-1), yb).item() * len(xb) for xb, yb in val_dl) / len(val_ds)
    print(epoch, val)
