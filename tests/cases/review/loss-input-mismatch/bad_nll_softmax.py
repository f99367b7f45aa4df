import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
probs = F.softmax(model(x), dim=-1)
loss = F.nll_loss(probs, y)  # <-- loss-input-mismatch
