import copy

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader


class Encoder(nn.Module):
    def __init__(self, vocab, d=384, heads=6, layers=6):
        super().__init__()
        self.tok = nn.Embedding(vocab, d, padding_idx=0)
        self.pos = nn.Parameter(torch.zeros(1, 512, d))
        layer = nn.TransformerEncoderLayer(d, heads, 4 * d, activation="gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, layers)
        self.out = nn.Linear(d, 5)

    def forward(self, ids):
        pad = ids.eq(0)
        h = self.tok(ids) + self.pos[:, : ids.size(1)]
        h = self.body(h, src_key_padding_mask=pad)
        h = h.masked_fill(pad[..., None], 0).sum(1) / (~pad).sum(1, keepdim=True)
        return self.out(h)


class Rater(L.LightningModule):
    def __init__(self, vocab=32000, lr=3e-4, warm=800, total=20000):
        super().__init__()
        self.save_hyperparameters()
        self.net = Encoder(vocab)
        self.ema = copy.deepcopy(self.net).requires_grad_(False).eval()

    def training_step(self, batch, i):
        ids, stars = batch
        loss = F.cross_entropy(self.net(ids), stars, label_smoothing=0.05)
        self.log("train_loss", loss)
        return loss

    def on_train_batch_end(self, *args):
        with torch.no_grad():
            for slow, fast in zip(self.ema.parameters(), self.net.parameters()):
                slow.lerp_(fast, 1e-3)

    def validation_step(self, batch, i):
        ids, stars = batch
        logits = self.ema(ids)
        self.log_dict({"val_loss": F.cross_entropy(logits, stars), "val_acc": (logits.argmax(1) == stars).float().mean()})

    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.net.parameters(), lr=self.hparams.lr, weight_decay=0.05, betas=(0.9, 0.98))

        def wsd(step):
            h = self.hparams
            if step < h.warm:
                return step / h.warm
            cool = int(0.8 * h.total)
            return 1.0 if step < cool else max(0.0, (h.total - step) / (h.total - cool))

        return {"optimizer": opt, "lr_scheduler": {"scheduler": torch.optim.lr_scheduler.LambdaLR(opt, wsd), "interval": "step"}}


def main(train_set, val_set):
    L.seed_everything(1)
    trainer = L.Trainer(max_steps=20000, precision="bf16-mixed", devices=4, strategy="ddp",
                        callbacks=[ModelCheckpoint(monitor="val_loss"), LearningRateMonitor()])
    trainer.fit(Rater(), DataLoader(train_set, 64, shuffle=True, num_workers=8), DataLoader(val_set, 128, num_workers=8))
