import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 5)
probabilities = model(x).sigmoid()  # <-- sigmoid-before-bce-with-logits
loss = F.binary_cross_entropy_with_logits(probabilities, y)
