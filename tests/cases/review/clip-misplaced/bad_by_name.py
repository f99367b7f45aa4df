import torch
from torch import nn

kind = "norm"
clip = getattr(nn.utils, f"clip_grad_{kind}_")
model = nn.LSTM(8, 8, batch_first=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x)[0], y).backward()
    optimizer.step()
    clip(model.parameters(), 1.0)  # <-- clip-misplaced
