"""Each epoch broken off after some batches, `for epoch`, validation after it."""
from setting import *

model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
sched = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
lrs = []
for epoch in range(3):
    model.train()
    for i, (xb, yb) in enumerate(train_loader):
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
        if i == 3:
            break
    lrs.append(optimizer.param_groups[0]["lr"])
    sched.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            total += criterion(model(xb), yb).item() * len(xb)
    expect_validation(total / 40)
expect_epochs(3)
expect_lrs(lrs)
trained(model)
