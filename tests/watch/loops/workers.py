"""Worker processes, and workers that persist."""
from setting import *

model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(dataset, batch_size=16, shuffle=True, num_workers=2, persistent_workers=True)
for epoch in range(3):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
expect_epochs(3)
trained(model)
