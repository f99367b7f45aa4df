import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    out = model(x)
    loss = F.cross_entropy(out, y)
    loss.backward()
    optimizer.step()
    history.append(loss.item())  # <-- item-sync-every-step
    accuracy = (out.argmax(1) == y).float().mean().item()
    largest = out.abs().max().item()
    print(accuracy, largest)
