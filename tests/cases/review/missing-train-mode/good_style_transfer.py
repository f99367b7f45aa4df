import torch
from torch import nn
import torch.nn.functional as F

from torchvision.models import vgg19

vgg = vgg19(weights="DEFAULT").features.eval()
vgg.requires_grad_(False)
image = torch.rand(1, 3, 64, 64, requires_grad=True)
optimizer = torch.optim.Adam([image], lr=5e-3)
goal = vgg(content)
for step in range(300):
    optimizer.zero_grad()
    F.mse_loss(vgg(image), goal).backward()
    optimizer.step()
