import copy

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import fetch_california_housing
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = fetch_california_housing(return_X_y=True)
X = StandardScaler().fit_transform(X)
scores = []


def make_model(n_in):
    return nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))


for fold, (tr, va) in enumerate(KFold(5, shuffle=True, random_state=0).split(X)):
    x_tr = torch.tensor(X[tr], dtype=torch.float32)
    x_va = torch.tensor(X[va], dtype=torch.float32)
    y_tr = torch.tensor(y[tr], dtype=torch.float32).unsqueeze(1)
    y_va = torch.tensor(y[va], dtype=torch.float32).unsqueeze(1)
    loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=64, shuffle=True)
    model = make_model(X.shape[1])
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_fn = nn.MSELoss()
    best_mse, best_state = np.inf, None
    for epoch in range(20):
        model.train()
        for xb, yb in loader:
            opt.zero_grad()
            loss_fn(model(xb), yb).backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            mse = loss_fn(model(x_va), y_va).item()
        if mse < best_mse:
            best_mse = mse
            best_state = copy.deepcopy(model.state_dict())
    model.load_state_dict(best_state)
    torch.save(best_state, f"fold{fold}.pt")
    scores.append(best_mse)
    print(f"fold {fold}: mse {best_mse:.4f}")
print(f"MSE {np.mean(scores):.3f} +- {np.std(scores):.3f}")
