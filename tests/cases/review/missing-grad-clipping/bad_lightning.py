import lightning.pytorch as pl
import torch
from torch import nn


class Model(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 16)

    def training_step(self, batch, batch_idx):
        x, y = batch
        return nn.functional.mse_loss(self.rnn(x)[0], y)

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


trainer = pl.Trainer(max_epochs=10)  # <-- missing-grad-clipping
trainer.fit(Model(), train_loader)
