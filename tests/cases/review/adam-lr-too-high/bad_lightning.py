import lightning as L
import torch


class Classifier(L.LightningModule):
    def __init__(self, learning_rate=0.03):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(10, 2)

    def training_step(self, batch, batch_idx):
        x, y = batch
        return torch.nn.functional.cross_entropy(self.layer(x), y)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.learning_rate)  # <-- adam-lr-too-high
