import json
import math
import pathlib

import click
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


class PatchEmbed(nn.Module):
    def __init__(self, size=32, patch=4, dim=192):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos = nn.Parameter(torch.zeros(1, (size // patch) ** 2 + 1, dim))
        nn.init.trunc_normal_(self.pos, std=0.02)

    def forward(self, x):
        x = self.proj(x).flatten(2).transpose(1, 2)
        return torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos


class ViT(nn.Module):
    def __init__(self, dim=192, depth=6, heads=3, classes=10, drop=0.1):
        super().__init__()
        self.embed = PatchEmbed(dim=dim)
        layer = nn.TransformerEncoderLayer(dim, heads, dim * 4, drop, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        return self.head(self.norm(self.encoder(self.embed(x))[:, 0]))


def param_groups(model, wd):
    decay, no_decay = [], []
    for name, p in model.named_parameters():
        (no_decay if p.ndim == 1 or name.endswith((".pos", ".cls")) else decay).append(p)
    return [{"params": decay, "weight_decay": wd}, {"params": no_decay, "weight_decay": 0.0}]


def loaders(root, batch, workers):
    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    base = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    aug = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.RandAugment()]
    train = datasets.CIFAR10(root, train=True, download=True, transform=transforms.Compose(aug + base))
    test = datasets.CIFAR10(root, train=False, download=True, transform=transforms.Compose(base))
    return (DataLoader(train, batch, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=True),
            DataLoader(test, 512, num_workers=workers))


@click.command()
@click.option("--root", default="./data", type=click.Path(path_type=pathlib.Path))
@click.option("--epochs", default=100, show_default=True)
@click.option("--batch-size", default=256)
@click.option("--lr", default=1e-3, type=float)
@click.option("--weight-decay", "wd", default=0.05)
@click.option("--warmup-epochs", default=5)
@click.option("--clip", default=1.0)
@click.option("--workers", default=4)
@click.option("--seed", default=0)
@click.option("--out", default="runs/vit")
def main(root, epochs, batch_size, lr, wd, warmup_epochs, clip, workers, seed, out):
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train_loader, test_loader = loaders(root, batch_size, workers)
    model = ViT().to(device)
    opt = torch.optim.Adam(param_groups(model, wd), lr=lr, betas=(0.9, 0.95))
    total, warm = epochs * len(train_loader), warmup_epochs * len(train_loader)

    def schedule(step):
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))

    sched = torch.optim.lr_scheduler.LambdaLR(opt, schedule)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    log = open(out / "log.jsonl", "a")
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
            with torch.autocast(device, dtype=torch.bfloat16):
                loss = loss_fn(model(x), y)
            loss.backward()
            gnorm = nn.utils.clip_grad_norm_(model.parameters(), clip)
            opt.step()
            sched.step()
            opt.zero_grad(set_to_none=True)
        model.eval()
        hits = 0
        with torch.no_grad():
            for x, y in test_loader:
                hits += (model(x.to(device)).argmax(-1).cpu() == y).sum().item()
        row = {"epoch": epoch, "loss": loss.item(), "gnorm": gnorm.item(), "acc": hits / len(test_loader.dataset)}
        log.write(json.dumps(row) + "\n")
        log.flush()
        torch.save({"model": model.state_dict(), "opt": opt.state_dict(), "epoch": epoch}, out / "last.pt")


if __name__ == "__main__":
    main()
