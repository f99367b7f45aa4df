import yaml
import torch
from pathlib import Path
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

from registry import build_dataset, build_model, build_optimizer, build_scheduler
from losses import build_loss
from utils.meters import AverageMeter


def validate(model, loader, loss_fn, device):
    was_training = model.training
    model.eval()
    meter = AverageMeter()
    with torch.no_grad():
        for batch in loader:
            batch = {k: v.to(device) for k, v in batch.items()}
            meter.update(loss_fn(model(batch["image"]), batch["target"]).item(), len(batch["image"]))
    model.train(was_training)
    return meter.avg


def main(path="configs/base.yaml"):
    cfg = yaml.safe_load(Path(path).read_text())
    torch.manual_seed(cfg["seed"])
    device = torch.device(cfg.get("device", "cuda"))
    train_loader = DataLoader(build_dataset(cfg, "train"), batch_size=cfg["batch_size"], shuffle=True, num_workers=cfg["workers"])
    val_loader = DataLoader(build_dataset(cfg, "val"), batch_size=cfg["batch_size"])
    model = build_model(cfg).to(device)
    loss_fn = build_loss(cfg)
    optimizer = build_optimizer(cfg, model.parameters())
    scheduler = build_scheduler(cfg, optimizer)
    writer = SummaryWriter(cfg["out"])
    best, step = float("inf"), 0
    for epoch in range(cfg["epochs"]):
        model.train()
        for batch in train_loader:
            batch = {k: v.to(device) for k, v in batch.items()}
            loss = loss_fn(model(batch["image"]), batch["target"])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), cfg["clip"])
            optimizer.step()
            if step % 50 == 0:
                writer.add_scalar("train/loss", loss.item(), step)
            step += 1
        scheduler.step()
        val = validate(model, val_loader, loss_fn, device)
        writer.add_scalar("val/loss", val, epoch)
        if val < best:
            best = val
            torch.save({"model": model.state_dict(), "epoch": epoch}, Path(cfg["out"]) / "best.pt")


main()
