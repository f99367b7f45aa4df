import torch
from torch import nn
import torch.nn.functional as F

encoder, decoder = nn.Linear(8, 4), nn.Linear(4, 8)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
for x in train_loader:
    z = encoder(x)
    hard = z + (z.round() - z).detach()
    optimizer.zero_grad()
    F.mse_loss(decoder(hard), x).backward()
    optimizer.step()
