import copy
from pathlib import Path

import torch
import typer
import yaml
from rich.console import Console
from torch import nn, optim
from torch.utils.data import DataLoader, Subset
from torchvision import models, transforms
from torchvision.datasets import ImageFolder

app = typer.Typer()
console = Console()

DEFAULTS = yaml.safe_load("""
arch: resnet18
image_size: 224
batch_size: 32
optimizer:
  name: AdamW
  lr: 0.0003
  weight_decay: 0.01
epochs: 12
freeze_backbone: true
seed: 3
patience: 4
""")


def make_model(arch, n_classes, freeze):
    net = getattr(models, arch)(weights="DEFAULT")
    if freeze:
        for p in net.parameters():
            p.requires_grad = False
    net.fc = nn.Linear(net.fc.in_features, n_classes)
    return net


def make_data(root, size, bs):
    norm = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    t_train = transforms.Compose([transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(),
                                  transforms.ToTensor(), norm])
    t_val = transforms.Compose([transforms.Resize(size + 32), transforms.CenterCrop(size), transforms.ToTensor(), norm])
    full_train, full_val = ImageFolder(root, t_train), ImageFolder(root, t_val)
    idx = torch.randperm(len(full_train)).tolist()
    cut = int(0.85 * len(idx))
    train, val = Subset(full_train, idx[:cut]), Subset(full_val, idx[cut:])
    return DataLoader(train, bs, shuffle=True, num_workers=4), DataLoader(val, bs, num_workers=4), full_train.classes


@app.command()
def train(data: Path, config: Path = None, device: str = "cuda"):
    cfg = copy.deepcopy(DEFAULTS)
    if config:
        cfg.update(yaml.safe_load(config.read_text()))
    torch.manual_seed(cfg["seed"])
    train_dl, val_dl, classes = make_data(data, cfg["image_size"], cfg["batch_size"])
    model = make_model(cfg["arch"], len(classes), cfg["freeze_backbone"]).to(device)
    opt_cfg = dict(cfg["optimizer"])
    opt = getattr(optim, opt_cfg.pop("name"))([p for p in model.parameters() if p.requires_grad], **opt_cfg)
    crit = nn.CrossEntropyLoss()
    best_acc, best_weights, waited = 0.0, copy.deepcopy(model.state_dict()), 0
    for epoch in range(cfg["epochs"]):
        for phase, dl in (("train", train_dl), ("val", val_dl)):
            model.train() if phase == "train" else model.eval()
            hits = seen = 0
            for x, y in dl:
                x, y = x.to(device), y.to(device)
                opt.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    logits = model(x)
                    loss = crit(logits, y)
                    if phase == "train":
                        loss.backward()
                        opt.step()
                hits += (logits.argmax(1) == y).sum().item()
                seen += y.numel()
            console.log(f"{epoch:02d} {phase:5s} acc {hits / seen:.3f}")
        if hits / seen > best_acc:
            best_acc, waited = hits / seen, 0
            best_weights = copy.deepcopy(model.state_dict())
        else:
            waited += 1
            if waited > cfg["patience"]:
                break
    model.load_state_dict(best_weights)
    torch.save({"state": best_weights, "classes": classes}, "best.pt")


if __name__ == "__main__":
    app()
