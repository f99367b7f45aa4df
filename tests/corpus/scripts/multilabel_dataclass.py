import json
from dataclasses import dataclass, field

import torch
from torch import nn, Tensor
from torch.utils.data import DataLoader, Subset, random_split
from torchvision.models import ResNet34_Weights, resnet34
from torchvision import transforms as T
import wandb

from chestxray import ChestXrayDataset


@dataclass
class Hyper:
    lr: float = 3e-4
    epochs: int = 12
    batch: int = 32
    labels: int = 14
    mean: list = field(default_factory=lambda: [0.485, 0.456, 0.406])
    std: list = field(default_factory=lambda: [0.229, 0.224, 0.225])


def make_data(h: Hyper):
    train_tf = T.Compose([T.RandomResizedCrop(224, scale=(0.7, 1)), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize(h.mean, h.std)])
    eval_tf = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(), T.Normalize(h.mean, h.std)])
    augmented, plain = ChestXrayDataset("xr", train_tf), ChestXrayDataset("xr", eval_tf)
    order = torch.randperm(len(plain), generator=torch.Generator().manual_seed(5)).tolist()
    cut = int(0.9 * len(order))
    return Subset(augmented, order[:cut]), Subset(plain, order[cut:])


def step_loss(model: nn.Module, batch: tuple[Tensor, Tensor], criterion) -> Tensor:
    x, y = (t.to("cuda", non_blocking=True) for t in batch)
    return criterion(model(x), y.float())


def run(h: Hyper = Hyper()):
    torch.manual_seed(5)
    wandb.init(project="chest", config=vars(h))
    train_set, val_set = make_data(h)
    train_loader = DataLoader(train_set, batch_size=h.batch, shuffle=True, num_workers=6)
    val_loader = DataLoader(val_set, batch_size=h.batch * 2, num_workers=6)
    model = resnet34(weights=ResNet34_Weights.DEFAULT)
    model.fc = nn.Linear(model.fc.in_features, h.labels)
    model.cuda()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=h.lr)
    sched = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=h.lr, total_steps=h.epochs * len(train_loader))
    best = float("inf")
    for epoch in range(h.epochs):
        model.train()
        for batch in train_loader:
            loss = step_loss(model, batch, criterion)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sched.step()
            wandb.log({"loss": loss.item(), "lr": sched.get_last_lr()[0]})
        model.eval()
        with torch.no_grad():
            val = torch.stack([step_loss(model, b, criterion) for b in val_loader]).mean().item()
        wandb.log({"val": val, "epoch": epoch})
        if val < best:
            best = val
            torch.save(model.state_dict(), "chest.pt")


if __name__ == "__main__":
    run()
