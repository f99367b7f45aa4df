import lightning as L
import torch
from torch import nn


class Pair(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 1)

    def training_step(self, batch, batch_idx):
        x, y = batch
        first, second = self.optimizers()
        first.zero_grad()
        loss = nn.functional.mse_loss(self.two(self.one(x).relu()), y)
        self.manual_backward(loss)  # <-- missing-zero-grad
        first.step()
        second.step()

    def configure_optimizers(self):
        return torch.optim.AdamW(self.one.parameters(), 1e-3), torch.optim.AdamW(self.two.parameters(), 1e-3)
