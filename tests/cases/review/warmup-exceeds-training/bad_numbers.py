import torch
from torch import nn
import torch.nn.functional as F

from transformers import get_cosine_schedule_with_warmup

STEPS = 2_000
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
scheduler = get_cosine_schedule_with_warmup(optimizer, 4_000, STEPS)  # <-- warmup-exceeds-training
for step in range(STEPS):
    x, y = get_batch()
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    scheduler.step()
