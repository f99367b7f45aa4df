"""Two discriminators in one step, each loss weighted by a half: two losses, no accumulation."""
from setting import *

left, right = net(), net()
optimizer = torch.optim.Adam([*left.parameters(), *right.parameters()], lr=1e-2)
for epoch in range(2):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        first = 0.5 * F.cross_entropy(left(xb), yb)
        first.backward()
        second = 0.5 * F.cross_entropy(right(xb), yb)
        second.backward()
        optimizer.step()
        expect("optimizer", (first.item() + second.item()) / 2, backwards=2)
expect_epochs(2)
trained(left, right)
