from torch import nn, optim

CONFIG = {"optimizer": "adamw", "optim_args": {"lr": 5e-2, "betas": (0.9, 0.98)}}
OPTIMIZERS = {"adamw": optim.AdamW, "sgd": optim.SGD}

net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
opt = OPTIMIZERS[CONFIG["optimizer"]](net.parameters(), **CONFIG["optim_args"])  # <-- adam-lr-too-high
