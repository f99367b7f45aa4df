import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler

model = nn.parallel.DistributedDataParallel(nn.Linear(10, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loader = DataLoader(windows, batch_size=64, sampler=DistributedSampler(windows, shuffle=False))
for epoch in range(5):
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
