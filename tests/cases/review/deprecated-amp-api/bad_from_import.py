import torch
from torch import nn
import torch.nn.functional as F

from torch.cuda.amp import GradScaler, autocast

model = nn.Linear(8, 3).cuda()
scaler = GradScaler()  # <-- deprecated-amp-api
with autocast():  # <-- deprecated-amp-api
    out = model(x)
