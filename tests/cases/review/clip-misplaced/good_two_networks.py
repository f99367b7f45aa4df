import torch
from torch import nn
import torch.nn.functional as F

actor, critic = nn.Linear(4, 2), nn.Linear(4, 1)
actor_opt = torch.optim.Adam(actor.parameters(), lr=3e-4)
critic_opt = torch.optim.Adam(critic.parameters(), lr=3e-4)
for obs, target, adv in rollout_loader:
    critic_opt.zero_grad()
    F.mse_loss(critic(obs), target).backward()
    nn.utils.clip_grad_norm_(critic.parameters(), 0.5)
    critic_opt.step()
    actor_opt.zero_grad()
    (-(actor(obs).log_softmax(-1) * adv).mean()).backward()
    nn.utils.clip_grad_norm_(actor.parameters(), 0.5)
    actor_opt.step()
