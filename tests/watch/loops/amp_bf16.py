"""Autocast to bfloat16."""
from setting import *

model = net()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for xb, yb in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = F.cross_entropy(model(xb), yb)
    loss.backward()
    optimizer.step()
    expect("optimizer", loss)
trained(model)
