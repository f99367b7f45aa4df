"""Gradients of several batches, each loss divided by their number: the loss shown is the undivided one."""
from setting import *

model = net()
optimizer = torch.optim.Adam(model.parameters())
k, group = 2, []
for epoch in range(2):
    for i, (xb, yb) in enumerate(train_loader):
        loss = F.cross_entropy(model(xb), yb) / k
        loss.backward()
        group.append(loss.item())
        if (i + 1) % k == 0:
            optimizer.step()
            optimizer.zero_grad()
            expect("optimizer", k * sum(group) / len(group), backwards=len(group))  # as if undivided
            group = []
expect_epochs(2)
trained(model)
