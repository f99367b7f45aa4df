"""What is popped from a batch is no column of a table."""

import torch.nn.functional as F
from torch import nn
from torch import optim

m = nn.Linear(4, 1); opt = optim.Adam(m.parameters())
for batch in train_loader:
    y = batch.pop("labels")
    opt.zero_grad(); F.mse_loss(m(batch["x"]), y).backward(); opt.step()
