"""A list of batches, and slices of a tensor."""
from setting import *

batches = [(X[i : i + 16], Y[i : i + 16]) for i in range(0, len(X), 16)]
model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(2):
    for xb, yb in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
for epoch in range(2, 4):
    order = torch.randperm(len(X))
    for i in range(0, len(X), 20):
        chosen = order[i : i + 20]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X[chosen]), Y[chosen])
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
expect_epochs(4)
trained(model)
