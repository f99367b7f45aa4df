"""Speech command classifier, LightningModule with a scheduler dict."""
import pytorch_lightning as pl
import torch
import torchaudio
import torchmetrics
from pytorch_lightning.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from data import SpeechCommandsDataModule


class KeywordSpotter(pl.LightningModule):
    def __init__(self, n_mels=64, hidden=128, num_classes=35, lr=1e-3, weight_decay=1e-2):
        super().__init__()
        self.save_hyperparameters()
        self.mel = torchaudio.transforms.MelSpectrogram(16000, n_mels=n_mels)
        self.to_db = torchaudio.transforms.AmplitudeToDB()
        self.norm = nn.BatchNorm1d(n_mels)
        self.gru = nn.GRU(n_mels, hidden, num_layers=2, batch_first=True, bidirectional=True, dropout=0.2)
        self.fc = nn.Linear(2 * hidden, num_classes)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        self.acc = torchmetrics.Accuracy(task="multiclass", num_classes=num_classes)

    def forward(self, wav):
        x = self.norm(self.to_db(self.mel(wav)).squeeze(1))
        out, _ = self.gru(x.transpose(1, 2))
        return self.fc(out.mean(dim=1))

    def _shared(self, batch):
        wav, label = batch
        logits = self(wav)
        return self.criterion(logits, label), logits, label

    def training_step(self, batch, batch_idx):
        loss, _, _ = self._shared(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        loss, logits, label = self._shared(batch)
        self.acc(logits, label)
        self.log_dict({"val_loss": loss, "val_acc": self.acc}, on_epoch=True, prog_bar=True)

    def test_step(self, batch, batch_idx):
        loss, logits, label = self._shared(batch)
        self.acc(logits, label)
        self.log("test_acc", self.acc)

    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr, weight_decay=self.hparams.weight_decay)
        sched = OneCycleLR(opt, max_lr=self.hparams.lr, total_steps=self.trainer.estimated_stepping_batches)
        return {"optimizer": opt, "lr_scheduler": {"scheduler": sched, "interval": "step"}}


def main():
    pl.seed_everything(42, workers=True)
    dm = SpeechCommandsDataModule("data/speech", batch_size=128)
    model = KeywordSpotter()
    ckpt = ModelCheckpoint(monitor="val_acc", mode="max", save_top_k=1)
    trainer = pl.Trainer(
        max_epochs=25,
        precision="bf16-mixed",
        gradient_clip_val=1.0,
        callbacks=[ckpt, EarlyStopping("val_loss", patience=5), LearningRateMonitor()],
    )
    trainer.fit(model, dm)
    trainer.test(ckpt_path="best", datamodule=dm)


if __name__ == "__main__":
    main()
