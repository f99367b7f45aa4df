import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler

model = nn.parallel.DistributedDataParallel(nn.Linear(10, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loader = DataLoader(data, batch_size=64, sampler=DistributedSampler(data))
for epoch in range(5):
    loader.sampler.set_epoch(epoch)
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
