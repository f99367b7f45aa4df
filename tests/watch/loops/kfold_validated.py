"""k folds, early stopping in each, loaders made anew in each epoch."""
from torch.utils.data import Subset

from setting import *

scores = []
for fold in range(3):
    val_ids = list(range(fold * 20, fold * 20 + 20))
    train_ids = [i for i in range(100) if i not in val_ids]
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(2):
        loader = DataLoader(Subset(dataset, train_ids), batch_size=16, shuffle=True)
        model.train()
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            expect("optimizer", loss)
        model.eval()
        total = 0
        with torch.no_grad():
            for xb, yb in DataLoader(Subset(dataset, val_ids), batch_size=8):
                total += F.cross_entropy(model(xb), yb).item() * len(xb)
        expect_validation(total / 20)
    scores.append(total / 20)
expect_epochs(6)
trained(model)
