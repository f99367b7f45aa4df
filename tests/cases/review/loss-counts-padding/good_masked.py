import torch
from torch import nn
import torch.nn.functional as F

from torch.nn.utils.rnn import pad_sequence

tokens = pad_sequence(sentences, batch_first=True)
model = nn.Sequential(nn.Embedding(1000, 32), nn.Linear(32, 1000))
losses = F.cross_entropy(model(tokens[:, :-1]).transpose(1, 2), tokens[:, 1:], reduction="none")
mask = tokens[:, 1:] != 0
loss = (losses * mask).sum() / mask.sum()
