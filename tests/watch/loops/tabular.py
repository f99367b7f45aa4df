"""A loader for training, tensors for validation, which the loop judges after each epoch; training loss too."""
from setting import *

model = net()
optimizer = torch.optim.Adam(model.parameters())
criterion = nn.CrossEntropyLoss()
for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            after = criterion(model(xb), yb)  # of the batch it was trained on
        expect("optimizer", loss)
    model.eval()
    with torch.no_grad():
        expect_validation(criterion(model(X[:30] + 1), Y[:30]).item())
expect_epochs(3)
trained(model)
