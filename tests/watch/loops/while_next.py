"""`while` and `next`: the loader begins anew whenever it ends."""
from setting import *

model = net()
optimizer = torch.optim.AdamW(model.parameters())
iterator, step = iter(train_loader), 0
while step < 15:
    try:
        xb, yb = next(iterator)
    except StopIteration:
        iterator = iter(train_loader)
        xb, yb = next(iterator)
    loss = F.cross_entropy(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    expect("optimizer", loss)
    step += 1
for _ in range(3):
    xb, yb = next(iter(train_loader))
    loss = F.cross_entropy(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    expect("optimizer", loss)
expect_epochs(2)
trained(model)
