import torch
from torch import nn
import torch.nn.functional as F

from torch.nn.utils.rnn import pad_sequence

tokens = pad_sequence(sentences, batch_first=True)
embed, out = nn.Embedding(1000, 32, padding_idx=0), nn.Linear(32, 3)
loss = F.cross_entropy(out(embed(tokens).mean(1)), labels)
