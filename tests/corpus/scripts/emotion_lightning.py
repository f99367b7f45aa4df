import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

pl.seed_everything(0)
aug = transforms.Compose([
    transforms.Grayscale(), transforms.RandomRotation(10), transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize(0.5, 0.5),
])
faces = datasets.ImageFolder("faces", transform=aug)
train_faces, val_faces = random_split(faces, [0.85, 0.15], generator=torch.Generator().manual_seed(0))


class Emotion(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.f1, self.f2 = nn.Linear(64 * 10 * 10, 128), nn.Linear(128, 7)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2).flatten(1)
        x = F.dropout(F.relu(self.f1(x)), p=0.4)
        return self.f2(x)

    def training_step(self, batch, _):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, _):
        x, y = batch
        self.log("acc", (self(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


trainer = pl.Trainer(max_epochs=15, accelerator="gpu", devices=1)
trainer.fit(Emotion(), DataLoader(train_faces, 64, shuffle=True, num_workers=4), DataLoader(val_faces, 64, num_workers=4))
