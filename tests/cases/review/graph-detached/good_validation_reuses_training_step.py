"""A LightningModule validates by its training step, without a graph; the training calls it with one."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim
from torch.utils.data import DataLoader, TensorDataset

import pytorch_lightning as pl
class Lit(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(10, 2)
    def training_step(self, batch, batch_idx):
        x, y = batch
        return F.cross_entropy(self.net(x), y)
    @torch.no_grad()
    def validation_step(self, batch, batch_idx):
        loss = self.training_step(batch, batch_idx)
        self.log("val_loss", loss)
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)
loader = DataLoader(TensorDataset(torch.randn(100,10), torch.randint(0,2,(100,))), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(torch.randn(100,10), torch.randint(0,2,(100,))), batch_size=32)
pl.Trainer(max_epochs=10).fit(Lit(), loader, val_loader)
