"""An accelerator that wraps optimizer, loader and backward."""
from setting import *


class AcceleratedOptimizer:
    def __init__(self, optimizer):
        self.optimizer = optimizer

    @property
    def param_groups(self):
        return self.optimizer.param_groups

    def zero_grad(self, set_to_none=None):
        self.optimizer.zero_grad()

    def step(self, closure=None):
        self.optimizer.step(closure)


class AcceleratedLoader:
    def __init__(self, loader):
        self.base = loader

    def __len__(self):
        return len(self.base)

    def __iter__(self):
        it = iter(self.base)
        try:
            current = next(it)
        except StopIteration:
            return
        while True:
            try:
                following = next(it)  # one ahead
            except StopIteration:
                yield current
                break
            yield current
            current = following


class Accelerator:
    def prepare(self, *things):
        return tuple(self.one(t) for t in things)

    def one(self, thing):
        if isinstance(thing, torch.optim.Optimizer):
            return AcceleratedOptimizer(thing)
        return AcceleratedLoader(thing) if isinstance(thing, DataLoader) else thing

    def backward(self, loss, **kw):
        loss.backward(**kw)


accelerator = Accelerator()
model, optimizer, loader, evals = accelerator.prepare(net(), torch.optim.AdamW(net().parameters()), train_loader, val_loader)
optimizer = accelerator.one(torch.optim.AdamW(model.parameters(), lr=1e-2))
for epoch in range(2):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        accelerator.backward(loss)
        optimizer.step()
        expect("optimizer", loss)
    model.eval()
    total = 0
    for xb, yb in evals:
        with torch.no_grad():
            total += F.cross_entropy(model(xb), yb).item() * len(xb)
    expect_validation(total / 40)
expect_epochs(2)
trained(model)
