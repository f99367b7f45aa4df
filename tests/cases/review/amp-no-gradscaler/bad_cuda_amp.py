import torch
from torch.cuda.amp import autocast

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for images, labels in train_loader:
    optimizer.zero_grad()
    with autocast():
        outputs = model(images)
        loss = criterion(outputs, labels)
    loss.backward()  # <-- amp-no-gradscaler
    optimizer.step()
