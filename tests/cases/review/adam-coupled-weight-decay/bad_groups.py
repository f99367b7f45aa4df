import torch
from torch.optim import Adam

net = torch.nn.Linear(3, 2)
groups = [
    {"params": [p for n, p in net.named_parameters() if "bias" not in n], "weight_decay": 0.05},
    {"params": [p for n, p in net.named_parameters() if "bias" in n], "weight_decay": 0.0},
]
opt = Adam(groups, lr=3e-4)  # <-- adam-coupled-weight-decay
