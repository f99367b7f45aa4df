import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
logits = model(x)
loss = F.cross_entropy(logits, y)
probs = torch.softmax(logits, dim=1)
accuracy = (probs.argmax(1) == y).float().mean()
