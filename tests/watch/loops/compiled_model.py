"""A compiled model and a compiled training step's forward."""
import warnings

from setting import *

warnings.simplefilter("ignore")
model = net()
fast = torch.compile(model, backend="eager")
optimizer = torch.optim.SGD(fast.parameters(), lr=0.1)
for epoch in range(2):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(fast(xb), yb)
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
    fast.eval()
    with torch.no_grad():
        total = sum(F.cross_entropy(fast(xb), yb).item() * len(xb) for xb, yb in val_loader)
    fast.train()
    expect_validation(total / 40)
expect_epochs(2)
trained(model)
