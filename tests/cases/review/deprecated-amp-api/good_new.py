import torch
from torch import nn
import torch.nn.functional as F

from torch.amp import GradScaler, autocast

scaler = GradScaler("cuda")
with autocast("cuda"):
    out = model(x)
