"""The same, not divided; validation in eval mode with gradients on."""
from setting import *

model = net(dropout=0.1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()
group = []
for epoch in range(2):
    model.train()
    for i, (xb, yb) in enumerate(train_loader, 1):
        loss = criterion(model(xb), yb)
        loss.backward()
        group.append(loss.item())
        if i % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
            expect("optimizer", sum(group) / len(group), backwards=len(group))
            group = []
    model.eval()
    total = 0
    for xb, yb in val_loader:
        total += criterion(model(xb), yb).item() * len(xb)
    expect_validation(total / len(val_loader.dataset))
trained(model)
