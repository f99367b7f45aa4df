import torch
from torch import nn
import torch.nn.functional as F

model = nn.Sequential(nn.Linear(8, 3), nn.LogSoftmax(dim=1))
loss = nn.NLLLoss()(model(x), y)
