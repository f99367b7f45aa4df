import torch
from torch import nn
import torch.nn.functional as F

with torch.autocast(device_type="cuda", dtype=torch.bfloat16):
    out = model(x)
