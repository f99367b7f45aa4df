# expect: adam-lr-too-high
import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader


class Tagger(L.LightningModule):
    def __init__(self, vocab=10000, tags=20, lr=0.05):
        super().__init__()
        self.save_hyperparameters()
        self.embed = nn.Embedding(vocab, 64)
        self.rnn = nn.LSTM(64, 64, batch_first=True, bidirectional=True)
        self.head = nn.Linear(128, tags)

    def forward(self, x):
        return self.head(self.rnn(self.embed(x))[0])

    def training_step(self, batch, index):
        x, y = batch
        loss = nn.functional.cross_entropy(self(x).transpose(1, 2), y, ignore_index=-1)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, index):
        x, y = batch
        self.log("val_loss", nn.functional.cross_entropy(self(x).transpose(1, 2), y, ignore_index=-1))

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
        return [optimizer], [scheduler]


L.seed_everything(1)
trainer = L.Trainer(max_epochs=20, gradient_clip_val=1.0, precision="16-mixed")
trainer.fit(Tagger(), DataLoader(train_set, batch_size=64, shuffle=True), DataLoader(val_set, batch_size=128))
