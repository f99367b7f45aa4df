from dataclasses import dataclass, field

import torch


@dataclass
class OptimConfig:
    lr: float = 3e-4
    betas: tuple = (0.9, 0.95)


@dataclass
class Config:
    optim: OptimConfig = field(default_factory=OptimConfig)


cfg = Config()
model = torch.nn.Linear(3, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.optim.lr, betas=cfg.optim.betas)
