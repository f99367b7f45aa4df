import torch
import torchvision

model = torchvision.models.resnet50(weights="DEFAULT")
optimizer = torch.optim.SGD(
    [
        {"params": model.layer4.parameters(), "lr": 1e-4},
        {"params": model.fc.parameters()},
    ],
    lr=0.01,
    momentum=0.9,
)
