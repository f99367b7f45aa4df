"""A latent that is optimised through a frozen network, at the rate such searches take."""
import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 10))
generator.requires_grad_(False)
goal = torch.randn(1, 10)
latent = torch.randn(1, 5, requires_grad=True)
optimizer = torch.optim.Adam([latent], lr=0.05)
for step in range(300):
    loss = (generator(latent) - goal).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
