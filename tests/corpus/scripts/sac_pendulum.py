import copy
import gymnasium as gym
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class Actor(nn.Module):
    def __init__(self, obs, act):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(obs, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
        self.mu, self.log_std = nn.Linear(256, act), nn.Linear(256, act)

    def forward(self, s):
        h = self.trunk(s)
        std = self.log_std(h).clamp(-20, 2).exp()
        dist = torch.distributions.Normal(self.mu(h), std)
        u = dist.rsample()
        a = torch.tanh(u)
        logp = (dist.log_prob(u) - torch.log(1 - a.pow(2) + 1e-6)).sum(-1, keepdim=True)
        return a, logp


class Critic(nn.Module):
    def __init__(self, obs, act):
        super().__init__()
        self.q1 = nn.Sequential(nn.Linear(obs + act, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1))
        self.q2 = nn.Sequential(nn.Linear(obs + act, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1))

    def forward(self, s, a):
        x = torch.cat([s, a], -1)
        return self.q1(x), self.q2(x)


env = gym.make("Pendulum-v1")
torch.manual_seed(0)
actor, critic = Actor(3, 1), Critic(3, 1)
target = copy.deepcopy(critic)
actor_opt = torch.optim.Adam(actor.parameters(), lr=3e-4)
critic_opt = torch.optim.Adam(critic.parameters(), lr=3e-4)
buffer, alpha, gamma = [], 0.2, 0.99
s, _ = env.reset(seed=0)
for step in range(20000):
    with torch.no_grad():
        a = actor(torch.as_tensor(s, dtype=torch.float32).unsqueeze(0))[0][0].numpy()
    s2, r, term, trunc, _ = env.step(2 * a)
    buffer.append((s, a, r, s2, term))
    s = env.reset()[0] if term or trunc else s2
    if step < 1000:
        continue
    rows = [buffer[i] for i in np.random.randint(len(buffer), size=256)]
    S, A, R, S2, D = (torch.as_tensor(np.array(c), dtype=torch.float32) for c in zip(*rows))
    R, D = R.unsqueeze(1), D.unsqueeze(1)
    with torch.no_grad():
        a2, logp2 = actor(S2)
        y = R + gamma * (1 - D) * (torch.min(*target(S2, a2)) - alpha * logp2)
    q1, q2 = critic(S, A)
    critic_loss = F.mse_loss(q1, y) + F.mse_loss(q2, y)
    critic_opt.zero_grad()
    critic_loss.backward()
    critic_opt.step()
    a_new, logp = actor(S)
    actor_loss = (alpha * logp - torch.min(*critic(S, a_new))).mean()
    actor_opt.zero_grad()
    actor_loss.backward()
    nn.utils.clip_grad_norm_(actor.parameters(), 1.0)
    actor_opt.step()
    with torch.no_grad():
        for p, tp in zip(critic.parameters(), target.parameters()):
            tp.mul_(0.995).add_(0.005 * p)
    if step % 1000 == 0:
        print(step, critic_loss.item(), actor_loss.item())
        torch.save(actor.state_dict(), "sac.pt")
