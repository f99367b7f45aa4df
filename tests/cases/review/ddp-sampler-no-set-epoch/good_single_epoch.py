import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler

model = nn.parallel.DistributedDataParallel(nn.Linear(10, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in DataLoader(data, batch_size=64, sampler=DistributedSampler(data)):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
