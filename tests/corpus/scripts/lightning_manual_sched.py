import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ManualRegressor(pl.LightningModule):
    """Manual optimisation with accumulation and a step-wise schedule."""

    def __init__(self, n_in=12, hidden=64, lr=1e-3, accum=4):
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.net = nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, 1))
        self.loss_fn = nn.HuberLoss()

    def forward(self, x):
        return self.net(x).squeeze(-1)

    def training_step(self, batch, batch_idx):
        x, y = batch
        opt = self.optimizers()
        loss = self.loss_fn(self(x), y)
        self.manual_backward(loss / self.hparams.accum)
        if (batch_idx + 1) % self.hparams.accum == 0:
            self.clip_gradients(opt, gradient_clip_val=0.5, gradient_clip_algorithm="norm")
            opt.step()
            opt.zero_grad()
            self.lr_schedulers().step()
        self.log("train/loss", loss, prog_bar=True)

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val/loss", self.loss_fn(self(x), y))

    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        return {
            "optimizer": opt,
            "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=1000),
        }


def make_loader(n, seed, **kw):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 12, generator=g)
    return DataLoader(TensorDataset(x, x[:, 0] - x[:, 1] ** 2), **kw)


if __name__ == "__main__":
    pl.seed_everything(3)
    trainer = pl.Trainer(max_epochs=20, callbacks=[ModelCheckpoint(monitor="val/loss")])
    trainer.fit(ManualRegressor(), make_loader(4000, 0, batch_size=64, shuffle=True),
                make_loader(500, 1, batch_size=250))
