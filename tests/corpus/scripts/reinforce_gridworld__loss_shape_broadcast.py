import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(1)

class Grid:
    size = 5
    def reset(self):
        self.x, self.y, self.t = 0, 0, 0
        return self._o()
    def _o(self):
        v = torch.zeros(self.size * self.size); v[self.x * self.size + self.y] = 1; return v
    def step(self, a):
        dx, dy = [(0, 1), (1, 0), (0, -1), (-1, 0)][a]
        self.x = min(max(self.x + dx, 0), self.size - 1); self.y = min(max(self.y + dy, 0), self.size - 1)
        self.t += 1
        done = (self.x, self.y) == (4, 4) or self.t > 40
        return self._o(), (1.0 if (self.x, self.y) == (4, 4) else -0.02), done

policy = nn.Sequential(nn.Linear(25, 64), nn.ReLU(), nn.Linear(64, 4))
baseline = nn.Sequential(nn.Linear(25, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.Adam([*policy.parameters(), *baseline.parameters()], lr=3e-3)
env, gamma = Grid(), 0.98
for episode in range(150):
    s, done, logps, rewards, states = env.reset(), False, [], [], []
    while not done:
        dist = Categorical(logits=policy(s))
        a = dist.sample()
        states.append(s); logps.append(dist.log_prob(a))
        s, r, done = env.step(a.item())
        rewards.append(r)
    G, returns = 0.0, []
    for r in rewards[::-1]:
        G = r + gamma * G
        returns.insert(0, G)
    returns = torch.tensor(returns)
    v = baseline(torch.stack(states))
    adv = (returns - v).detach()
    loss = -(torch.stack(logps) * adv).sum() + nn.functional.mse_loss(v, returns)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([*policy.parameters(), *baseline.parameters()], 1.0)
    opt.step()
    if episode % 50 == 0:
        print(episode, sum(rewards))
