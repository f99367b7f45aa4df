"""Cross-validation: model and optimizer anew in each fold."""
from setting import *
from torch.utils.data import Subset

for fold in range(3):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    part = DataLoader(Subset(dataset, range(fold * 30, fold * 30 + 30)), batch_size=10)
    for epoch in range(2):
        for xb, yb in part:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            expect("optimizer", loss)
expect_epochs(6)
trained(model)
