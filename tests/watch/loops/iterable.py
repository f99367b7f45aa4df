"""An IterableDataset, read again each epoch."""
from torch.utils.data import IterableDataset

from setting import *


class Stream(IterableDataset):
    def __iter__(self):
        for i in torch.randperm(60).tolist():
            yield X[i], Y[i]


loader = DataLoader(Stream(), batch_size=16)
model = net()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for epoch in range(2):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
expect_epochs(2)
trained(model)
