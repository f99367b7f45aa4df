import torch
from torch import nn
import torch.nn.functional as F

q, target = nn.Linear(4, 2), nn.Linear(4, 2)
optimizer = torch.optim.Adam(q.parameters(), lr=1e-4)
for s, a, r, s2 in replay_loader:
    with torch.no_grad():
        goal = r + 0.99 * target(s2).max(dim=1).values
    optimizer.zero_grad()
    F.smooth_l1_loss(q(s).gather(1, a[:, None]).squeeze(1), goal).backward()
    optimizer.step()
