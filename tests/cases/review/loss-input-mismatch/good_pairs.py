import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
logits = model(x)
a = F.nll_loss(F.log_softmax(logits, dim=1), y)
b = F.binary_cross_entropy(torch.sigmoid(logits), z)
c = F.kl_div(F.log_softmax(logits, -1), target, reduction="batchmean")
d = F.cross_entropy(logits, y)
