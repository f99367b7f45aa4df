import torch
import torch.nn.functional as F
from lightning.fabric import Fabric, seed_everything
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.drop = nn.Dropout(0.4)
        self.fc = nn.Linear(64 * 6 * 6, 10)

    def forward(self, x):
        return self.fc(self.drop(self.features(x).flatten(1)))


def run(hparams):
    seed_everything(hparams["seed"])
    fabric = Fabric(accelerator="auto", devices="auto", precision="bf16-mixed")
    fabric.launch()
    tf = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
    with fabric.rank_zero_first(local=False):
        train_set = datasets.CIFAR10("data", download=fabric.is_global_zero, train=True, transform=tf)
        val_set = datasets.CIFAR10("data", download=fabric.is_global_zero, train=False, transform=tf)
    train_loader = DataLoader(train_set, batch_size=hparams["batch_size"], shuffle=True, num_workers=4)
    val_loader = DataLoader(val_set, batch_size=256, num_workers=4)
    train_loader, val_loader = fabric.setup_dataloaders(train_loader, val_loader)
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=hparams["lr"])
    model, optimizer = fabric.setup(model, optimizer)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=hparams["gamma"])
    for epoch in range(1, hparams["epochs"] + 1):
        model.train()
        for i, (x, y) in enumerate(train_loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            fabric.backward(loss)
            optimizer.step()
            if i % 100 == 0:
                fabric.print(f"epoch {epoch} step {i} loss {loss.item():.4f}")
        scheduler.step()
        model.eval()
        total, correct = 0, 0
        with torch.no_grad():
            for x, y in val_loader:
                pred = model(x).argmax(-1)
                correct += (pred == y).sum()
                total += y.numel()
        acc = fabric.all_reduce(correct / total)
        fabric.print(f"epoch {epoch} acc {acc:.3f}")
    fabric.save("net.ckpt", {"model": model})


if __name__ == "__main__":
    run({"seed": 3, "batch_size": 64, "lr": 1e-3, "gamma": 0.5, "epochs": 15})
