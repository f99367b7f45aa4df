import torch

optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.cuda.amp.GradScaler()
k = 4
for i, (x, y) in enumerate(train_loader):
    with torch.cuda.amp.autocast():
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss /= k
    scaler.scale(loss).backward()
    if (i + 1) % k == 0:
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
