import torch
from torch import nn
import torch.nn.functional as F

from transformers import get_linear_schedule_with_warmup

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
total = len(train_loader) * 3
scheduler = get_linear_schedule_with_warmup(optimizer, num_warmup_steps=100, num_training_steps=total)
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()  # <-- scheduler-wrong-granularity
