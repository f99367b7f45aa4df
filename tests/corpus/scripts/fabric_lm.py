import math
from pathlib import Path

import lightning as L
import torch
import torch.nn as nn
from lightning.fabric.strategies import FSDPStrategy
from torch.utils.data import DataLoader, Dataset


class Chars(Dataset):
    def __init__(self, path, block):
        text = Path(path).read_text()
        self.itos = sorted(set(text))
        lut = {c: i for i, c in enumerate(self.itos)}
        self.ids = torch.tensor([lut[c] for c in text])
        self.block = block

    def __len__(self):
        return (len(self.ids) - 1) // self.block

    def __getitem__(self, i):
        s = i * self.block
        return self.ids[s:s + self.block], self.ids[s + 1:s + 1 + self.block]


class Decoder(nn.Module):
    def __init__(self, vocab, dim=384, heads=6, depth=6, block=256, p=0.1):
        super().__init__()
        self.tok, self.pos = nn.Embedding(vocab, dim), nn.Embedding(block, dim)
        layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, p, "gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, depth)
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab, bias=False)
        self.register_buffer("mask", torch.triu(torch.full((block, block), float("-inf")), 1))

    def forward(self, x):
        t = x.size(1)
        h = self.tok(x) + self.pos(torch.arange(t, device=x.device))
        return self.head(self.norm(self.body(h, mask=self.mask[:t, :t])))


def lr_at(step, peak, warm, total):
    if step < warm:
        return peak * (step + 1) / warm
    return 0.1 * peak + 0.45 * peak * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def main(path="input.txt", epochs=5, micro=16, accumulate=4, peak=6e-4, block=256):
    fabric = L.Fabric(accelerator="cuda", devices=4, strategy=FSDPStrategy(), precision="bf16-true")
    fabric.launch()
    fabric.seed_everything(1234)
    data = Chars(path, block)
    n = int(0.95 * len(data))
    train = torch.utils.data.Subset(data, range(n))
    val = torch.utils.data.Subset(data, range(n, len(data)))
    loader, val_loader = fabric.setup_dataloaders(
        DataLoader(train, batch_size=micro, shuffle=True, drop_last=True, num_workers=2),
        DataLoader(val, batch_size=micro, num_workers=2))
    with fabric.init_module():
        model = Decoder(len(data.itos), block=block)
    model = fabric.setup_module(model)
    optimizer = fabric.setup_optimizers(torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.95)))
    total, step = epochs * len(loader) // accumulate, 0
    for epoch in range(epochs):
        model.train()
        for i, (x, y) in enumerate(loader):
            sync = (i + 1) % accumulate == 0
            with fabric.no_backward_sync(model, enabled=not sync):
                logits = model(x)
                loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
                fabric.backward(loss / accumulate)
            if sync:
                for g in optimizer.param_groups:
                    g["lr"] = lr_at(step, peak, max(1, total // 20), total)
                fabric.clip_gradients(model, optimizer, max_norm=1.0)
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                if step % 50 == 0:
                    fabric.print(f"step {step} loss {loss.item():.3f}")
        model.eval()
        with torch.no_grad():
            v = torch.stack([nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
                             for x, y in val_loader]).mean()
        fabric.print(f"epoch {epoch} val {fabric.all_reduce(v).item():.3f}")
        fabric.save("ckpt.pt", {"model": model, "optimizer": optimizer, "step": step})


if __name__ == "__main__":
    main()
