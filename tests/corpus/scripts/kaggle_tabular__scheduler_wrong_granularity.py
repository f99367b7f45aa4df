# %% [markdown]
# # Playground series - tabular NN baseline
# %%
import gc
import os
import random

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, Dataset


class CFG:
    seed = 2024
    n_folds = 3
    epochs = 4
    train_bs = 64
    valid_bs = 256
    lr = 2e-3
    wd = 1e-2
    feats = [f"f_{i:02d}" for i in range(12)]
    device = "cuda" if torch.cuda.is_available() else "cpu"


def seed_everything(seed=42):
    random.seed(seed)
    os.environ["PYTHONHASHSEED"] = str(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)


seed_everything(CFG.seed)

rng = np.random.default_rng(0)
train = pd.DataFrame(rng.normal(3, 2, size=(600, 12)), columns=CFG.feats)
train["target"] = (train["f_00"] * 0.7 - train["f_05"] + rng.normal(size=600) > 0).astype(int)


class TabDataset(Dataset):
    def __init__(self, X, y=None):
        self.X = torch.tensor(X, dtype=torch.float32)
        self.y = None if y is None else torch.tensor(y, dtype=torch.float32)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        if self.y is None:
            return self.X[i]
        return self.X[i], self.y[i]


class Net(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.bn0 = nn.BatchNorm1d(n_in)
        self.l1 = nn.Linear(n_in, 128)
        self.bn1 = nn.BatchNorm1d(128)
        self.d1 = nn.Dropout(0.3)
        self.l2 = nn.Linear(128, 64)
        self.d2 = nn.Dropout(0.2)
        self.head = nn.Linear(64, 1)

    def forward(self, x):
        x = self.bn0(x)
        x = self.d1(F.silu(self.bn1(self.l1(x))))
        x = self.d2(F.silu(self.l2(x)))
        return self.head(x).squeeze(-1)


def train_fn(model, loader, optimizer, scheduler, loss_fn, device):
    model.train()
    final_loss = 0
    for xb, yb in loader:
        optimizer.zero_grad()
        xb, yb = xb.to(device), yb.to(device)
        preds = model(xb)
        loss = loss_fn(preds, yb)
        loss.backward()
        optimizer.step()
        final_loss += loss.item()
    return final_loss / len(loader)


def valid_fn(model, loader, loss_fn, device):
    model.eval()
    losses, out = [], []
    for xb, yb in loader:
        xb, yb = xb.to(device), yb.to(device)
        with torch.no_grad():
            preds = model(xb)
        losses.append(loss_fn(preds, yb).item())
        out.append(preds.sigmoid().cpu().numpy())
    return np.mean(losses), np.concatenate(out)


def run_fold(fold, tr_idx, va_idx):
    sc = StandardScaler()
    Xtr = sc.fit_transform(train.loc[tr_idx, CFG.feats].values)
    Xva = sc.transform(train.loc[va_idx, CFG.feats].values)
    ytr, yva = train.loc[tr_idx, "target"].values, train.loc[va_idx, "target"].values

    tr_loader = DataLoader(TabDataset(Xtr, ytr), batch_size=CFG.train_bs, shuffle=True, drop_last=True)
    va_loader = DataLoader(TabDataset(Xva, yva), batch_size=CFG.valid_bs, shuffle=False)

    model = Net(len(CFG.feats)).to(CFG.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=CFG.lr, weight_decay=CFG.wd)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=5e-3, pct_start=0.1, epochs=CFG.epochs, steps_per_epoch=len(tr_loader)
    )
    loss_fn = nn.BCEWithLogitsLoss()
    best, best_preds = 0, None
    for epoch in range(CFG.epochs):
        tl = train_fn(model, tr_loader, optimizer, scheduler, loss_fn, CFG.device)
        scheduler.step()
        vl, preds = valid_fn(model, va_loader, loss_fn, CFG.device)
        auc = roc_auc_score(yva, preds)
        print(f"FOLD {fold} EPOCH {epoch} train {tl:.4f} valid {vl:.4f} auc {auc:.4f}")
        if auc > best:
            best, best_preds = auc, preds
            torch.save(model.state_dict(), f"/tmp/fold{fold}.pth")
    del model
    gc.collect()
    return best_preds


oof = np.zeros(len(train))
skf = StratifiedKFold(n_splits=CFG.n_folds, shuffle=True, random_state=CFG.seed)
for fold, (tr_idx, va_idx) in enumerate(skf.split(train, train["target"])):
    oof[va_idx] = run_fold(fold, tr_idx, va_idx)
print("CV", roc_auc_score(train["target"], oof))
