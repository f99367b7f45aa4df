"""Gradients of the input by autograd.grad (not of training), then a step on what they made."""
from setting import *

model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for xb, yb in train_loader:
    xb = xb.clone().requires_grad_(True)
    slope = torch.autograd.grad(F.cross_entropy(model(xb), yb), xb)[0]
    xb = (xb + 0.01 * slope.sign()).detach()
    model.zero_grad()
    loss = F.cross_entropy(model(xb), yb)
    loss.backward()
    optimizer.step()
    expect("optimizer", loss)
trained(model)
