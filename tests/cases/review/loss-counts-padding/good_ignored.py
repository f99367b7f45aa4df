import torch
from torch import nn
import torch.nn.functional as F

PAD = 0
embed, out = nn.Embedding(5000, 32, padding_idx=PAD), nn.Linear(32, 12)
criterion = nn.CrossEntropyLoss(ignore_index=PAD)
loss = criterion(out(embed(words)).view(-1, 12), tags.view(-1))
