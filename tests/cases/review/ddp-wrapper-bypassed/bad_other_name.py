import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel as DDP

net = nn.Linear(10, 2).cuda()
ddp_net = DDP(net)
optimizer = torch.optim.AdamW(ddp_net.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x.cuda()), y.cuda()).backward()  # <-- ddp-wrapper-bypassed
    optimizer.step()
