import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader


class Data(L.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(self.train_set, batch_size=64, num_workers=4)  # <-- train-loader-not-shuffled

    def val_dataloader(self):
        return DataLoader(self.val_set, batch_size=64, num_workers=4)
