"""Several losses of one batch, a graph that is kept, a sum in place."""
from setting import *

model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
running = None
for xb, yb in train_loader:
    optimizer.zero_grad()
    out = model(xb)
    a, b = F.cross_entropy(out, yb), out.pow(2).mean()
    a.backward(retain_graph=True)
    b.backward()
    optimizer.step()
    expect("optimizer", (a.item() + b.item()) / 2, backwards=2)
    running = a.detach() if running is None else running.add_(a.detach())
trained(model)
