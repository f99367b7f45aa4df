"""ReduceLROnPlateau on the validation loss, early stopping by patience, best weights kept."""
import copy

from setting import *

model = net(dropout=0.2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-1)
criterion = nn.CrossEntropyLoss()
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
best, wait, lrs = float("inf"), 0, []
for epoch in range(6):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
    lrs.append(optimizer.param_groups[0]["lr"])
    model.eval()
    val = 0.0
    with torch.inference_mode():
        for xb, yb in val_loader:
            val += criterion(model(xb), yb).item() * len(xb)
    val /= 40
    expect_validation(val)
    scheduler.step(val)
    if val < best:
        best, best_state, wait = val, copy.deepcopy(model.state_dict()), 0
    else:
        wait += 1
        if wait > 2:
            break
model.load_state_dict(best_state)
expect_epochs(epoch + 1)
expect_lrs(lrs)
trained(model)
