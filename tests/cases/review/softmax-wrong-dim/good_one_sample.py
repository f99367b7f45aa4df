import torch
from torch import nn
import torch.nn.functional as F

model = nn.Linear(8, 3)
logits = model(x.unsqueeze(0)).squeeze(0)
probs = torch.softmax(logits, dim=0)
best = probs.argmax()
