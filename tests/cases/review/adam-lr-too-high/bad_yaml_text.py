import torch
import yaml
from torch import nn

settings = yaml.safe_load("""
optimizer:
  name: AdamW
  lr: 0.3
""")
model = nn.Linear(4, 1)
chosen = dict(settings["optimizer"])
optimizer = getattr(torch.optim, chosen.pop("name"))(model.parameters(), **chosen)  # <-- adam-lr-too-high
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()
