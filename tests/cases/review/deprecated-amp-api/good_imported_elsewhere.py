import torch
from torch import nn
import torch.nn.functional as F

scaler = GradScaler()
with autocast():
    out = model(x)
