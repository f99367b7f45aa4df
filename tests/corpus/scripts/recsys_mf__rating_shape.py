from dataclasses import dataclass

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class Config:
    dim: int = 64
    lr: float = 5e-3
    batch_size: int = 1024
    epochs: int = 12
    weight_decay: float = 1e-5
    seed: int = 11


class Ratings(Dataset):
    def __init__(self, frame):
        self.u = torch.tensor(frame.user.values)
        self.i = torch.tensor(frame.item.values)
        self.r = torch.tensor(frame.rating.values, dtype=torch.float32)

    def __len__(self):
        return len(self.r)

    def __getitem__(self, k):
        return self.u[k], self.i[k], self.r[k]


class MatrixFactorization(nn.Module):
    def __init__(self, n_users, n_items, dim):
        super().__init__()
        self.user = nn.Embedding(n_users, dim)
        self.item = nn.Embedding(n_items, dim)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        nn.init.normal_(self.user.weight, std=0.05)
        nn.init.normal_(self.item.weight, std=0.05)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(1)
        return dot.unsqueeze(1) + self.user_bias(u) + self.item_bias(i)


def rmse(model, loader):
    model.eval()
    se, n = 0.0, 0
    with torch.no_grad():
        for u, i, r in loader:
            se += ((model(u, i) - r) ** 2).sum().item()
            n += len(r)
    return (se / n) ** 0.5


def main(cfg=Config()):
    torch.manual_seed(cfg.seed)
    frame = pd.read_csv("ratings.csv").sort_values("timestamp")
    cut = int(len(frame) * 0.9)
    mean = frame.rating[:cut].mean()
    frame["rating"] -= mean
    train_dl = DataLoader(Ratings(frame[:cut]), cfg.batch_size, shuffle=True)
    valid_dl = DataLoader(Ratings(frame[cut:]), cfg.batch_size)
    model = MatrixFactorization(frame.user.max() + 1, frame.item.max() + 1, cfg.dim)
    opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    criterion = nn.MSELoss()
    for epoch in range(cfg.epochs):
        model.train()
        total = 0.0
        for u, i, r in train_dl:
            loss = criterion(model(u, i), r)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        print(f"{epoch}: train mse {total / len(train_dl):.4f} valid rmse {rmse(model, valid_dl):.4f}")
    torch.save(model.state_dict(), "mf.pt")


if __name__ == "__main__":
    main()
