import torch
from torch import nn
import torch.nn.functional as F

encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)
no_decay = ("bias", "norm")
groups = [
    {"params": [p for n, p in encoder.named_parameters() if not any(w in n for w in no_decay)], "weight_decay": 0.1},
    {"params": [p for n, p in encoder.named_parameters() if any(w in n for w in no_decay)], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=1e-4)
