import torch
from torch import nn
import torch.nn.functional as F

lstm = nn.LSTM(8, 16, batch_first=True)
optimizer = torch.optim.AdamW(lstm.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    out, _ = lstm(x)
    loss = F.mse_loss(out, y)
    nn.utils.clip_grad_norm_(lstm.parameters(), max_norm=1.0)  # <-- clip-misplaced
    loss.backward()
    optimizer.step()
