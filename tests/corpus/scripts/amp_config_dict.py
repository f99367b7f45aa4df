import torch
from torch import nn
from torch.utils.data import DataLoader
import torchvision
import torchvision.transforms.v2 as v2
import logging

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("amp")
CONFIG = {
    "model": {"name": "efficientnet_b0", "num_classes": 100},
    "optim": {"lr": 5e-4, "weight_decay": 0.05, "betas": (0.9, 0.999)},
    "data": {"batch_size": 96, "workers": 8},
    "train": {"epochs": 40, "clip": 1.0, "seed": 17},
}


def build_loaders(c):
    aug = v2.Compose([v2.RandomResizedCrop(64), v2.RandomHorizontalFlip(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)])
    plain = v2.Compose([v2.Resize((64, 64)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)])
    train = torchvision.datasets.CIFAR100("d", train=True, transform=aug, download=True)
    valid = torchvision.datasets.CIFAR100("d", train=False, transform=plain, download=True)
    return (
        DataLoader(train, batch_size=c["batch_size"], shuffle=True, num_workers=c["workers"], drop_last=True),
        DataLoader(valid, batch_size=2 * c["batch_size"], num_workers=c["workers"]),
    )


def train_one_epoch(model, loader, criterion, optimizer, scheduler, scaler, clip):
    model.train()
    meter = 0.0
    for x, y in loader:
        x, y = x.cuda(), y.cuda()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device_type="cuda", dtype=torch.float16):
            out = model(x)
            loss = criterion(out, y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        meter += loss.detach()
    return meter.item() / len(loader)


@torch.inference_mode()
def validate(model, loader, criterion):
    model.eval()
    loss_sum, hits, n = 0.0, 0, 0
    for x, y in loader:
        x, y = x.cuda(), y.cuda()
        with torch.autocast(device_type="cuda", dtype=torch.float16):
            out = model(x)
            loss_sum += criterion(out, y).item() * y.size(0)
        hits += (out.argmax(1) == y).sum().item()
        n += y.size(0)
    return loss_sum / n, hits / n


def main(cfg):
    torch.manual_seed(cfg["train"]["seed"])
    train_loader, valid_loader = build_loaders(cfg["data"])
    model = getattr(torchvision.models, cfg["model"]["name"])(num_classes=cfg["model"]["num_classes"]).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), **cfg["optim"])
    epochs = cfg["train"]["epochs"]
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=cfg["optim"]["lr"], epochs=epochs, steps_per_epoch=len(train_loader))
    criterion = nn.CrossEntropyLoss()
    scaler = torch.amp.GradScaler("cuda")
    best_acc = 0.0
    for epoch in range(epochs):
        tl = train_one_epoch(model, train_loader, criterion, optimizer, scheduler, scaler, cfg["train"]["clip"])
        vl, acc = validate(model, valid_loader, criterion)
        log.info("epoch %d train %.4f valid %.4f acc %.3f", epoch, tl, vl, acc)
        if acc > best_acc:
            best_acc = acc
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, "best.ckpt")


if __name__ == "__main__":
    main(CONFIG)
