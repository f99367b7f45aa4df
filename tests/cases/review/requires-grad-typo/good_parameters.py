import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for name, parameter in model.named_parameters():
    parameter.requires_grad = "layer4" in name
