import torch
from torch import nn
import torch.nn.functional as F

encoder, a, b = nn.Linear(8, 16), nn.Linear(16, 3), nn.Linear(16, 1)
optimizer = torch.optim.AdamW([*encoder.parameters(), *a.parameters(), *b.parameters()], lr=1e-3)
for x, y, z in train_loader:
    optimizer.zero_grad()
    h = encoder(x)
    F.cross_entropy(a(h), y).backward(retain_graph=True)
    F.mse_loss(b(h), z).backward()
    optimizer.step()
