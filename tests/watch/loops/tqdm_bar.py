"""A progress bar around the loader, prints in between."""
import io

from setting import *
from tqdm import tqdm

model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in tqdm(range(2), file=io.StringIO()):
    bar = tqdm(train_loader, file=io.StringIO())
    for xb, yb in bar:
        optimizer.zero_grad()
        loss = F.nll_loss(F.log_softmax(model(xb), 1), yb)
        loss.backward()
        optimizer.step()
        bar.set_postfix(loss=loss.item())
        expect("optimizer", loss)
    with torch.no_grad():
        total = sum(F.nll_loss(F.log_softmax(model(xb), 1), yb, reduction="sum").item() for xb, yb in val_loader)
    expect_validation(total / len(val_loader.dataset))
expect_epochs(2)
trained(model)
