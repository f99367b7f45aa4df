"""An attack makes a new tensor in each turn, which has no gradient yet."""

import torch
import torch.nn.functional as F
from torch import nn

model = nn.Linear(10, 2).eval()
x, y = torch.rand(4, 10), torch.zeros(4, dtype=torch.long)
adv = x.clone().requires_grad_(True)
for _ in range(40):
    loss = F.cross_entropy(model(adv), y)
    loss.backward()
    adv.data += 0.01 * adv.grad.sign()
    adv = adv.detach().clamp(0, 1).requires_grad_(True)
