import torch


def train_epoch(model, loader, optimizer):
    for x, y in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()  # <-- long-training-constant-lr


def main(cfg={"epochs": 200, "lr": 1e-3}):
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=cfg["lr"] * 10)
    for epoch in range(cfg["epochs"]):
        train_epoch(model, train_loader, optimizer)


main()
