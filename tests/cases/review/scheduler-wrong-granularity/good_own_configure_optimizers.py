"""A class of one's own, no LightningModule, has configure_optimizers and steps the schedule every batch."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim
from torch.utils.data import DataLoader, TensorDataset

class Runner:
    def __init__(self, model, loader, epochs):
        self.model, self.loader, self.epochs = model, loader, epochs
        self.opt, self.sched = self.configure_optimizers()
    def configure_optimizers(self):
        opt = optim.AdamW(self.model.parameters(), lr=1e-3)
        sched = optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-2, epochs=self.epochs, steps_per_epoch=len(self.loader))
        return opt, sched
    def fit(self):
        for epoch in range(self.epochs):
            for x, y in self.loader:
                loss = F.cross_entropy(self.model(x), y)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                self.sched.step()
loader = DataLoader(TensorDataset(torch.randn(100,10), torch.randint(0,2,(100,))), batch_size=32, shuffle=True)
Runner(nn.Linear(10,2), loader, 10).fit()
