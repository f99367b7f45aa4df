import torch
from torch import nn
import torch.nn.functional as F

rnn = nn.GRU(8, 16, batch_first=True)
optimizer = torch.optim.AdamW(rnn.parameters(), lr=1e-3)
hidden = torch.zeros(1, 32, 16)
for x, y in train_loader:
    optimizer.zero_grad()
    out, hidden = rnn(x, hidden.detach())
    F.mse_loss(out, y).backward()
    nn.utils.clip_grad_norm_(rnn.parameters(), 1.0)
    optimizer.step()
