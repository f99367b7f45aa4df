import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, random_split


class EarlyStopping:
    def __init__(self, patience=7, min_delta=1e-4):
        self.patience, self.min_delta = patience, min_delta
        self.best, self.wait, self.state = float("inf"), 0, None

    def __call__(self, value, model):
        if value < self.best - self.min_delta:
            self.best, self.wait = value, 0
            self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}
            return False
        self.wait += 1
        return self.wait >= self.patience


def fit(model, dataset, epochs=100, lr=1e-3, batch_size=64, device="cpu"):
    n_val = len(dataset) // 5
    train_set, val_set = random_split(dataset, [len(dataset) - n_val, n_val], torch.Generator().manual_seed(1))
    train_dl = DataLoader(train_set, batch_size, shuffle=True)
    val_dl = DataLoader(val_set, batch_size)
    opt = torch.optim.RMSprop(model.parameters(), lr=lr)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.97)
    crit = nn.HuberLoss()
    stopper = EarlyStopping()
    model.to(device)
    for epoch in range(epochs):
        model.train()
        for x, y in train_dl:
            x, y = x.to(device), y.to(device)
            opt.zero_grad()
            loss = crit(model(x).squeeze(-1), y.unsqueeze(1))
            loss.backward()
            opt.step()
        sched.step()
        model.eval()
        losses = []
        with torch.no_grad():
            for x, y in val_dl:
                losses.append(crit(model(x.to(device)).squeeze(-1), y.to(device)).item())
        val = sum(losses) / len(losses)
        print(f"epoch {epoch} val {val:.4f}")
        if stopper(val, model):
            print("stopping early")
            break
    model.load_state_dict(stopper.state)
    return model
