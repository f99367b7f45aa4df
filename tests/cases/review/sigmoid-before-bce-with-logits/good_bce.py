import torch
from torch import nn
import torch.nn.functional as F

model = nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())
loss = nn.BCELoss()(model(x), y)
