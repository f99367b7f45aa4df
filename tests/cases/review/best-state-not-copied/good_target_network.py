import torch
from torch import nn
import torch.nn.functional as F

q, target = nn.Linear(4, 2), nn.Linear(4, 2)
optimizer = torch.optim.Adam(q.parameters(), lr=1e-4)
for step, (s, a, goal) in enumerate(replay_loader):
    optimizer.zero_grad()
    F.mse_loss(q(s).gather(1, a), goal).backward()
    optimizer.step()
    if step % 1000 == 0:
        target.load_state_dict(q.state_dict())
