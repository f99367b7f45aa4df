"""Training in a generator, consumed from outside."""
from setting import *


def training(model, loader, epochs):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(epochs):
        model.train()
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            yield epoch, loss.item()


model = net()
for epoch, value in training(model, train_loader, 2):
    expect("optimizer", value)
expect_epochs(2)
trained(model)
