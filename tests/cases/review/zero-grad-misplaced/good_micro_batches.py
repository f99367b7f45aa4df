import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(1000):
    optimizer.zero_grad(set_to_none=True)
    for micro_step in range(8):
        x, y = get_batch("train")
        (F.cross_entropy(model(x), y) / 8).backward()
    optimizer.step()
