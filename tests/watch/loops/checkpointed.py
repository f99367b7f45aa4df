"""Backwards within the backward: activation checkpointing, both kinds."""
from setting import *
from torch.utils.checkpoint import checkpoint

model = net(dropout=0.3)
optimizer = torch.optim.Adam(model.parameters())
for n, (xb, yb) in enumerate(train_loader):
    optimizer.zero_grad()
    out = checkpoint(model, xb.requires_grad_(), use_reentrant=bool(n % 2))
    loss = F.cross_entropy(out, yb)
    loss.backward()
    optimizer.step()
    expect("optimizer", loss)
trained(model)
