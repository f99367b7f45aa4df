"""One comprehension makes the online and the target network; only the target is frozen."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim

class QNet(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(a, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, b))
    def forward(self, x):
        return self.fc(x)
online, target = (QNet(4, 2) for _ in range(2))
target.load_state_dict(online.state_dict())
target.eval()
for p in target.parameters():
    p.requires_grad = False
opt = optim.Adam(online.parameters(), lr=1e-3)
for step in range(1000):
    s, a, r, s2 = buffer.sample(64)
    with torch.no_grad():
        best = target(s2).max(1)[0]
        goal = r + 0.99 * best
    q = online(s).gather(1, a.unsqueeze(1)).squeeze(1)
    loss = F.smooth_l1_loss(q, goal)
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(online.parameters(), 1.0)
    opt.step()
