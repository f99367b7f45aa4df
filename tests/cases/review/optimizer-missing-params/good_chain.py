import torch
from torch import nn
import torch.nn.functional as F

import itertools

encoder, decoder = nn.Linear(8, 4), nn.Linear(4, 8)
optimizer = torch.optim.Adam(itertools.chain(encoder.parameters(), decoder.parameters()), lr=1e-3)
for x in train_loader:
    optimizer.zero_grad()
    F.mse_loss(decoder(encoder(x)), x).backward()
    optimizer.step()
