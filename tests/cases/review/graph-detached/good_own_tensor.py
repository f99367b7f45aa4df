import torch
from torch import nn
import torch.nn.functional as F

features = nn.Linear(8, 3).eval()
image = torch.rand(1, 8, requires_grad=True)
optimizer = torch.optim.Adam([image], lr=1e-3)
with torch.no_grad():
    goal = features(content)
for step in range(300):
    optimizer.zero_grad()
    loss = ((features(image) - goal) ** 2).mean()
    loss.backward()
    optimizer.step()
