import torch
from torch import nn
import torch.nn.functional as F

scorer = nn.Linear(8, 1)
scores = scorer(candidates).view(32, 10)
loss = F.cross_entropy(scores, best)
