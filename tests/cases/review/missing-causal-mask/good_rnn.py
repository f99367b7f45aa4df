import torch
from torch import nn
import torch.nn.functional as F

embed, rnn, head = nn.Embedding(1000, 64), nn.GRU(64, 64, batch_first=True), nn.Linear(64, 1000)
for ids in train_loader:
    out, _ = rnn(embed(ids[:, :-1]))
    loss = F.cross_entropy(head(out).flatten(0, 1), ids[:, 1:].flatten())
