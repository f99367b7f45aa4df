"""Accumulation whose rest is stepped on after the pass; validation on tensors."""
from setting import *

model = net()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()
k = 3
for epoch in range(3):
    got = []
    for i, (xb, yb) in enumerate(train_loader):
        loss = criterion(model(xb), yb) / k
        loss.backward()
        got.append(loss.item())
        if (i + 1) % k == 0:
            optimizer.step()
            optimizer.zero_grad()
            expect("optimizer", k * sum(got) / len(got), backwards=len(got))
            got = []
    if got:
        optimizer.step()
        optimizer.zero_grad()
        expect("optimizer", k * sum(got) / len(got), backwards=len(got))
    model.eval()
    with torch.no_grad():
        expect_validation(criterion(model(X[:40]), Y[:40]).item())
    model.train()
expect_epochs(3)
trained(model)
