from accelerate import Accelerator
import torch
from torch import nn
from torch.utils.data import DataLoader

accelerator = Accelerator()
model = nn.Linear(10, 2).to(accelerator.device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loader = DataLoader(data, batch_size=64, shuffle=True)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
for x, y in loader:
    optimizer.zero_grad()
    accelerator.backward(nn.functional.cross_entropy(model(x), y))
    optimizer.step()
