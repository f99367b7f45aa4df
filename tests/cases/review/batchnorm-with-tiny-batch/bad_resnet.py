from torchvision.models import resnet18
import torch
from torch import nn
from torch.utils.data import DataLoader

model = resnet18(num_classes=10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
loader = DataLoader(data, batch_size=2, shuffle=True)  # <-- batchnorm-with-tiny-batch
optimizer.zero_grad()
for i, (x, y) in enumerate(loader):
    loss = nn.functional.cross_entropy(model(x), y) / 16
    loss.backward()
    if (i + 1) % 16 == 0:
        optimizer.step()
        optimizer.zero_grad()
