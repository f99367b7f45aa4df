# Carvana-like binary segmentation with a small U-Net
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from PIL import Image
from torch.utils.data import DataLoader, Dataset, random_split
from tqdm import tqdm

PARAMS = {
    "root": "data/carvana", "size": 256, "batch": 16, "lr": 3e-4, "epochs": 25, "val_frac": 0.1, "amp": True,
    "seed": 17,
}


class CarvanaSet(Dataset):
    def __init__(self, root, size):
        self.images = sorted(Path(root, "imgs").glob("*.jpg"))
        self.root, self.size = Path(root), size

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img = Image.open(self.images[i]).convert("RGB").resize((self.size, self.size))
        mask = Image.open(self.root / "masks" / f"{self.images[i].stem}_mask.gif").resize((self.size, self.size))
        x = TF.normalize(TF.to_tensor(img), [0.5] * 3, [0.5] * 3)
        y = torch.from_numpy((np.array(mask) > 0).astype(np.float32))[None]
        return x, y


class DoubleConv(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(
            nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
            nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    def __init__(self, chans=(32, 64, 128, 256)):
        super().__init__()
        self.downs = nn.ModuleList()
        c = 3
        for ch in chans:
            self.downs.append(DoubleConv(c, ch))
            c = ch
        self.mid = DoubleConv(c, c * 2)
        self.ups, self.up_convs = nn.ModuleList(), nn.ModuleList()
        c = c * 2
        for ch in reversed(chans):
            self.ups.append(nn.ConvTranspose2d(c, ch, 2, 2))
            self.up_convs.append(DoubleConv(ch * 2, ch))
            c = ch
        self.head = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        skips = []
        for d in self.downs:
            x = d(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.mid(x)
        for up, conv, skip in zip(self.ups, self.up_convs, reversed(skips)):
            x = conv(torch.cat([up(x), skip], 1))
        return self.head(x)


def dice_loss(logits, target, eps=1.0):
    p = torch.sigmoid(logits).flatten(1)
    t = target.flatten(1)
    return 1 - ((2 * (p * t).sum(1) + eps) / (p.sum(1) + t.sum(1) + eps)).mean()


def evaluate(net, loader, device, amp):
    net.eval()
    dice = 0
    with torch.inference_mode(), torch.autocast(device.type, enabled=amp):
        for x, y in tqdm(loader, desc="val", leave=False):
            x, y = x.to(device), y.to(device)
            pred = (net(x) > 0).float()
            dice += (2 * (pred * y).sum() / (pred.sum() + y.sum()).clamp(min=1)).item()
    net.train()
    return dice / max(len(loader), 1)


def train(p):
    torch.manual_seed(p["seed"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ds = CarvanaSet(p["root"], p["size"])
    n_val = int(len(ds) * p["val_frac"])
    tr, va = random_split(ds, [len(ds) - n_val, n_val], generator=torch.Generator().manual_seed(0))
    kw = dict(batch_size=p["batch"], num_workers=4, pin_memory=True)
    tr_dl, va_dl = DataLoader(tr, shuffle=True, **kw), DataLoader(va, shuffle=False, drop_last=True, **kw)

    net = UNet().to(device)
    opt = torch.optim.AdamW(net.parameters(), lr=p["lr"], weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, "max", patience=2)
    scaler = torch.amp.GradScaler(device.type, enabled=p["amp"])
    bce = nn.BCEWithLogitsLoss()
    history = []
    for epoch in range(1, p["epochs"] + 1):
        net.train()
        bar = tqdm(tr_dl, desc=f"Epoch {epoch}/{p['epochs']}")
        for x, y in bar:
            x, y = x.to(device, memory_format=torch.channels_last), y.to(device)
            with torch.autocast(device.type, enabled=p["amp"]):
                logits = net(x)
                loss = bce(logits, y) + dice_loss(logits, y)
            opt.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.unscale_(opt)
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            opt.step()
            scaler.update()
            bar.set_postfix(loss=f"{loss.item():.3f}")
        score = evaluate(net, va_dl, device, p["amp"])
        sched.step(score)
        history.append({"epoch": epoch, "dice": score, "lr": opt.param_groups[0]["lr"]})
        torch.save(net.state_dict(), f"unet_{epoch:02d}.pt")
    Path("history.json").write_text(json.dumps(history))


if __name__ == "__main__":
    train(PARAMS)
