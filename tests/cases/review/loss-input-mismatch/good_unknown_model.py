import torch
from torch import nn
import torch.nn.functional as F

from models import build

model = build("classifier")
loss = nn.BCELoss()(model(x), y)
loss = nn.NLLLoss()(model(x), y)
