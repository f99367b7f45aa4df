import torch
import torchvision
from torch.utils.data import DataLoader

train_loader = DataLoader(photos, batch_size=2, shuffle=True, collate_fn=lambda rows: tuple(zip(*rows)))
model = torchvision.models.detection.fasterrcnn_resnet50_fpn(weights="DEFAULT")
optimizer = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9)
for images, targets in train_loader:
    loss = sum(model(list(images), list(targets)).values())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
