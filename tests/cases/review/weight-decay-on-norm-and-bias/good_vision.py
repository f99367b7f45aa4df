import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet18

model = resnet18()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
