import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(42)
full = TensorDataset(torch.load("x.pt"), torch.load("y.pt"))
train_ds, val_ds = random_split(full, [0.8, 0.2], generator=torch.Generator().manual_seed(0))
dl = lambda ds, train: DataLoader(ds, batch_size=64, shuffle=train)


def make_stepper(model, loss_fn, optimizer, *, train):
    def step(x, y):
        model.train(train)
        with torch.set_grad_enabled(train):
            loss = loss_fn(model(x), y)
        if train:
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return loss.item()
    return step


def epoch(loader, step):
    losses = [step(x, y) for x, y in loader]
    return sum(losses) / len(losses)


model = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.SiLU(), nn.Dropout(0.3), nn.Linear(64, 1), nn.Flatten(0))
optimizer = torch.optim.RAdam(model.parameters(), lr=2e-3)
loss_fn = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=4)
train_step = make_stepper(model, loss_fn, optimizer, train=True)
val_step = make_stepper(model, loss_fn, optimizer, train=False)
history = []
for e in range(60):
    tr, va = epoch(dl(train_ds, True), train_step), epoch(dl(val_ds, False), val_step)
    plateau.step(va)
    history.append((tr, va))
    if va <= min(v for _, v in history):
        torch.save(model.state_dict(), "best.pt")
