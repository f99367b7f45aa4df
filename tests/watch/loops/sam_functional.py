"""SAM by hand: climb in place, the second backward, come down, one step."""
from setting import *

model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
rho = 0.05
for epoch in range(2):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        one = F.cross_entropy(model(xb), yb)
        one.backward()
        with torch.no_grad():
            norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
            eps = [p.grad * (rho / (norm + 1e-12)) for p in model.parameters()]
            torch._foreach_add_(list(model.parameters()), eps)
        optimizer.zero_grad()
        two = F.cross_entropy(model(xb), yb)
        two.backward()
        with torch.no_grad():
            torch._foreach_sub_(list(model.parameters()), eps)
        optimizer.step()
        expect("optimizer", (one.item() + two.item()) / 2, backwards=2)
expect_epochs(2)
trained(model)
