"""A scaled loss, divided after it was scaled; a fused optimizer that takes the factor out itself."""
from setting import *

model = net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
parts = []
for i, (xb, yb) in enumerate(train_loader):
    loss = F.cross_entropy(model(xb), yb)
    (scaler.scale(loss) / 2).backward()
    parts.append(loss.item())
    if i % 2:
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        expect("optimizer", sum(parts) / 2, backwards=2)
        parts = []
trained(model)
