import torch
from torch import nn
import torch.nn.functional as F

CONFIG = {"lr": 1e-4, "weight_decay": 0.05}
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)
optimizer = torch.optim.AdamW(encoder.parameters(), **CONFIG)  # <-- weight-decay-on-norm-and-bias
