import torch
from torch import nn
import torch.nn.functional as F

x = torch.zeros(3)
x.requires_grad = True
layer = nn.Linear(3, 3)
layer.weight.requires_grad = False
layer.bias.requires_grad = False
