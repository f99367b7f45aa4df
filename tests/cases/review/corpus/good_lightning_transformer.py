import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import nn


class LitEncoder(L.LightningModule):
    def __init__(self, d_model=128, lr=3e-4, warmup=1000):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(d_model, 8, batch_first=True), 4)
        self.head = nn.Linear(d_model, 10)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = nn.functional.cross_entropy(self.head(self.encoder(x).mean(1)), y)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr, weight_decay=0.1)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min((step + 1) / self.hparams.warmup, 1.0)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


trainer = L.Trainer(
    max_epochs=50, gradient_clip_val=1.0, accumulate_grad_batches=4, precision="16-mixed",
    callbacks=[EarlyStopping("val_loss"), ModelCheckpoint()],
)
trainer.fit(LitEncoder(), train_loader, val_loader)
