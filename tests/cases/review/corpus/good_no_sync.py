import torch
from torch.nn.parallel import DistributedDataParallel

ddp = DistributedDataParallel(model)
optimizer = torch.optim.AdamW(ddp.parameters(), lr=1e-4)
k = 4
for i, (x, y) in enumerate(train_loader):
    last = (i + 1) % k == 0
    context = nullcontext() if last else ddp.no_sync()
    with context:
        (torch.nn.functional.cross_entropy(ddp(x), y) / k).backward()
    if last:
        optimizer.step()
        optimizer.zero_grad()
