import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 5)
logits = model(x)
loss = F.binary_cross_entropy_with_logits(logits, y)
predicted = torch.sigmoid(logits) > 0.5
