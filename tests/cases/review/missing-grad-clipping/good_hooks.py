import torch
from torch import nn

model = nn.LSTM(8, 16)
for p in model.parameters():
    p.register_hook(lambda grad: grad.clamp(-1, 1))
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x)[0], y).backward()
    optimizer.step()
