import torch
from torch import nn
import torch.nn.functional as F

from accelerate import Accelerator

accelerator = Accelerator()
model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model, optimizer, loader = accelerator.prepare(model, optimizer, train_loader)
for x, y in loader:
    optimizer.zero_grad()
    accelerator.backward(F.cross_entropy(model(x), y), retain_graph=True)  # <-- retain-graph-in-loop
    optimizer.step()
