import torch
from torch import nn

actor, critic = nn.Linear(4, 2), nn.Linear(6, 1)
critic.requires_grad_(False)
actor_optimizer = torch.optim.AdamW(actor.parameters(), lr=1e-3)
for x in train_loader:
    with torch.no_grad():
        action = actor(x)  # <-- graph-detached
    loss = -critic(torch.cat([x, action], -1)).mean()
    actor_optimizer.zero_grad()
    loss.backward()
    actor_optimizer.step()
