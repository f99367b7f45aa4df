import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
with torch.cpu.amp.autocast(dtype=torch.bfloat16):  # <-- deprecated-amp-api
    out = model(x)
