from pathlib import Path

import albumentations as A
import numpy as np
import torch
import torch.nn as nn
from albumentations.pytorch import ToTensorV2
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

cfg = dict(lr=1e-4, batch_size=16, epochs=30, size=256, device="cuda")
torch.manual_seed(0)


class CarvanaDataset(Dataset):
    def __init__(self, root, transform):
        self.images = sorted(Path(root, "images").glob("*.jpg"))
        self.masks = sorted(Path(root, "masks").glob("*.png"))
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = np.array(Image.open(self.images[i]).convert("RGB"))
        mask = np.array(Image.open(self.masks[i]).convert("L"), dtype=np.float32) / 255.0
        out = self.transform(image=image, mask=mask)
        return out["image"], out["mask"].unsqueeze(0)


class DoubleConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(cin, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
            nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, feats=(64, 128, 256)):
        super().__init__()
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        self.pool = nn.MaxPool2d(2)
        c = 3
        for f in feats:
            self.downs.append(DoubleConv(c, f))
            c = f
        for f in reversed(feats):
            self.ups.append(nn.ConvTranspose2d(f * 2, f, 2, 2))
            self.ups.append(DoubleConv(f * 2, f))
        self.bottleneck = DoubleConv(feats[-1], feats[-1] * 2)
        self.final = nn.Conv2d(feats[0], 1, 1)

    def forward(self, x):
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
            x = self.pool(x)
        x = self.bottleneck(x)
        for i in range(0, len(self.ups), 2):
            x = self.ups[i](x)
            x = self.ups[i + 1](torch.cat((skips[-(i // 2) - 1], x), dim=1))
        return self.final(x)


def dice_score(loader, model):
    model.eval()
    score = 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(cfg["device"]), y.to(cfg["device"])
            preds = (torch.sigmoid(model(x)) > 0.5).float()
            score += (2 * (preds * y).sum() + 1) / ((preds + y).sum() + 1)
    model.train()
    return score / len(loader)


train_tf = A.Compose([A.Resize(256, 256), A.HorizontalFlip(p=0.5), A.Normalize(), ToTensorV2()])
val_tf = A.Compose([A.Resize(256, 256), A.Normalize(), ToTensorV2()])
train_loader = DataLoader(CarvanaDataset("train", train_tf), batch_size=cfg["batch_size"], shuffle=True, num_workers=2)
val_loader = DataLoader(CarvanaDataset("val", val_tf), batch_size=cfg["batch_size"], num_workers=2)
model = UNet().to(cfg["device"])
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
scaler = torch.amp.GradScaler("cuda")
for epoch in range(cfg["epochs"]):
    loop = tqdm(train_loader)
    for x, y in loop:
        x, y = x.to(cfg["device"]), y.to(cfg["device"])
        with torch.autocast("cuda", dtype=torch.float16):
            loss = criterion(model(x), y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        loop.set_postfix(loss=loss.item())
    print("dice", dice_score(val_loader, model))
    torch.save(model.state_dict(), f"unet_{epoch}.pth")
