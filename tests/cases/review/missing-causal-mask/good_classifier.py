import torch
from torch import nn
import torch.nn.functional as F

encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, batch_first=True), 2)
head = nn.Linear(64, 3)
for x, y in train_loader:
    loss = F.cross_entropy(head(encoder(x).mean(1)), y)
