"""Epochs and validation in functions; the optimizer is a local name."""
from setting import *


def train_one(model, loader, optimizer, loss_fn):
    model.train()
    total = 0.0
    for xb, yb in loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        total += loss.item()
        expect("adam", loss)
    return total


@torch.no_grad()
def validate(model, loader, loss_fn):
    model.eval()
    total, count = 0.0, 0
    for xb, yb in loader:
        total += loss_fn(model(xb), yb).item() * len(xb)
        count += len(xb)
    return total / count


def main():
    model = net(dropout=0.2)
    adam = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(3):
        train_one(model, train_loader, adam, loss_fn)
        expect_validation(validate(model, val_loader, loss_fn))
    expect_epochs(3)
    trained(model)


main()
