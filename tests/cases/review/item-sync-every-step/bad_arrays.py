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
    predictions.extend(out.detach().argmax(1).cpu().numpy())  # <-- item-sync-every-step
    targets.extend(y.tolist())
    total += loss.item()
