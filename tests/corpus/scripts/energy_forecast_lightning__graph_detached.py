import lightning as L
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class WindowDataset(Dataset):
    """Sliding windows over one series, scaled with statistics of the training part."""

    def __init__(self, series, history, horizon):
        self.series = torch.as_tensor(series, dtype=torch.float32)
        self.history, self.horizon = history, horizon

    def __len__(self):
        return len(self.series) - self.history - self.horizon + 1

    def __getitem__(self, i):
        j = i + self.history
        return self.series[i:j].unsqueeze(-1), self.series[j:j + self.horizon]


class Energy(L.LightningDataModule):
    def __init__(self, history=48, horizon=12, batch_size=64):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage=None):
        t = np.arange(3000)
        y = 10 + 3 * np.sin(t * 2 * np.pi / 24) + np.random.default_rng(0).normal(0, 0.5, t.size)
        a, b = int(0.7 * len(y)), int(0.85 * len(y))
        mu, sd = y[:a].mean(), y[:a].std()
        z = (y - mu) / sd
        h, o = self.hparams.history, self.hparams.horizon
        self.train_ds = WindowDataset(z[:a], h, o)
        self.val_ds = WindowDataset(z[a - h:b], h, o)
        self.test_ds = WindowDataset(z[b - h:], h, o)

    def train_dataloader(self):
        return DataLoader(self.train_ds, batch_size=self.hparams.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val_ds, batch_size=256)

    def test_dataloader(self):
        return DataLoader(self.test_ds, batch_size=256)


class Seq2SeqForecaster(L.LightningModule):
    def __init__(self, hidden=64, horizon=12, lr=1e-3):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.LSTM(1, hidden, num_layers=2, dropout=0.1, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, horizon))

    def forward(self, x):
        out, _ = self.encoder(x)
        return self.head(out[:, -1])

    def step(self, batch, name):
        x, y = batch
        loss = nn.functional.smooth_l1_loss(self(x), y)
        self.log(f"{name}/loss", loss, prog_bar=True)
        return loss.detach()

    def training_step(self, batch, batch_idx):
        return self.step(batch, "train")

    def validation_step(self, batch, batch_idx):
        self.step(batch, "val")

    def test_step(self, batch, batch_idx):
        self.step(batch, "test")

    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        sch = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=3)
        return {"optimizer": opt, "lr_scheduler": {"scheduler": sch, "monitor": "val/loss"}}


if __name__ == "__main__":
    L.seed_everything(7)
    dm = Energy()
    trainer = L.Trainer(max_epochs=25, gradient_clip_val=0.5, callbacks=[
        L.pytorch.callbacks.EarlyStopping("val/loss", patience=6), L.pytorch.callbacks.ModelCheckpoint(monitor="val/loss")])
    trainer.fit(Seq2SeqForecaster(), datamodule=dm)
    trainer.test(datamodule=dm, ckpt_path="best")
