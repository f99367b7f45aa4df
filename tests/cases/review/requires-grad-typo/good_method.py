import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
model.requires_grad_(False)
model.fc.requires_grad_(True)
