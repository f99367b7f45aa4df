import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader, DistributedSampler


def main(epochs=10):
    dist.init_process_group("nccl")
    rank = int(os.environ["LOCAL_RANK"])
    model = DDP(nn.Linear(10, 2).to(rank), device_ids=[rank])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = DataLoader(data, batch_size=64, sampler=DistributedSampler(data, seed=0))
    for epoch in range(epochs):  # <-- ddp-sampler-no-set-epoch
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x.to(rank)), y.to(rank)).backward()
            optimizer.step()


main()
