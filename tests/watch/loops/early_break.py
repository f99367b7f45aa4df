"""Passes that are broken off."""
from setting import *

model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for i, (xb, yb) in enumerate(train_loader):
        if i == 3:
            break
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
expect_epochs(3)
trained(model)
