from __future__ import annotations
import logging
from dataclasses import dataclass
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

log = logging.getLogger(__name__)

@dataclass
class Config:
    dim: int = 32
    lr: float = 1e-1
    weight_decay: float = 0.1
    warmup: int = 20
    steps: int = 120
    batch: int = 64
    seed: int = 3

class Tower(nn.Module):
    def __init__(self, n_in: int, dim: int):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_in, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, dim))
    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)

class TwoTower(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.image, self.text = Tower(40, cfg.dim), Tower(24, cfg.dim)
        self.logit_scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))
    def forward(self, a, b):
        ia, tb = self.image(a), self.text(b)
        logits = self.logit_scale.exp().clamp(max=100) * ia @ tb.t()
        return logits, logits.t()

def contrastive(li, lt):
    gt = torch.arange(li.size(0), device=li.device)
    return (F.cross_entropy(li, gt) + F.cross_entropy(lt, gt)) / 2

def cosine(opt, cfg):
    def fn(step):
        if step < cfg.warmup:
            return step / max(1, cfg.warmup)
        p = (step - cfg.warmup) / max(1, cfg.steps - cfg.warmup)
        return 0.5 * (1 + np.cos(np.pi * p))
    return torch.optim.lr_scheduler.LambdaLR(opt, fn)

def batches(loader):
    while True:
        yield from loader

def run(cfg: Config):
    torch.manual_seed(cfg.seed)
    z = torch.randn(2000, 8)
    a, b = z @ torch.randn(8, 40) + 0.3 * torch.randn(2000, 40), z @ torch.randn(8, 24) + 0.3 * torch.randn(2000, 24)
    train = DataLoader(TensorDataset(a[:1800], b[:1800]), cfg.batch, shuffle=True, drop_last=True)
    model = TwoTower(cfg)
    decay = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": cfg.weight_decay}, {"params": plain, "weight_decay": 0.}], lr=cfg.lr, betas=(0.9, 0.98))
    sched = cosine(opt, cfg)
    it = batches(train)
    for step in range(cfg.steps):
        xa, xb = next(it)
        loss = contrastive(*model(xa, xb))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        if step % 40 == 0:
            model.eval()
            with torch.no_grad():
                li, _ = model(a[1800:], b[1800:])
                acc = (li.argmax(1) == torch.arange(200)).float().mean()
            model.train()
            log.info("step %d loss %.3f recall@1 %.3f", step, loss.item(), acc.item())

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run(Config())
