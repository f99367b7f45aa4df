import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
model.requires_grad = False  # <-- requires-grad-typo
model.fc = nn.Linear(512, 3)
