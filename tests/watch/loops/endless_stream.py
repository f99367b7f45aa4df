"""`yield from` a loader for ever, in a generator; steps counted; validation every so many."""
from setting import *


def infinite(loader):
    while True:
        yield from loader


model = net()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
stream = infinite(train_loader)
for step in range(1, 22):
    xb, yb = next(stream)
    loss = F.cross_entropy(model(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
    expect("opt", loss)
    if step % 7 == 0:
        model.eval()
        with torch.no_grad():
            v = sum(F.cross_entropy(model(a), b).item() * len(a) for a, b in val_loader) / 40
        model.train()
        expect_validation(v)
expect_epochs(3)
trained(model)
