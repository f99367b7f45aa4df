"""Minibatches by slicing a permutation, epochs in a while loop."""
from setting import *

model = net()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
epoch = 0
while epoch < 3:
    perm = torch.randperm(100)
    for i in range(0, 100, 25):
        idx = perm[i : i + 25]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X[idx]), Y[idx])
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
    epoch += 1
expect_epochs(3)
trained(model)
