import torch
from torch import nn
import torch.nn.functional as F

encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)
optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-4)
