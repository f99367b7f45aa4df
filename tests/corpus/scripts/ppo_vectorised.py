import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

envs = gym.make_vec("CartPole-v1", num_envs=8)
T, EPOCHS, MB, GAMMA, LAM, CLIP = 128, 4, 256, 0.99, 0.95, 0.2


def layer(i, o, std=np.sqrt(2)):
    lin = nn.Linear(i, o)
    nn.init.orthogonal_(lin.weight, std)
    nn.init.zeros_(lin.bias)
    return lin


class Agent(nn.Module):
    def __init__(self, obs, act):
        super().__init__()
        self.critic = nn.Sequential(layer(obs, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, 1, 1.0))
        self.actor = nn.Sequential(layer(obs, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, act, 0.01))

    def act(self, x, a=None):
        dist = Categorical(logits=self.actor(x))
        a = dist.sample() if a is None else a
        return a, dist.log_prob(a), dist.entropy(), self.critic(x).squeeze(-1)


agent = Agent(envs.single_observation_space.shape[0], envs.single_action_space.n)
opt = torch.optim.Adam(agent.parameters(), lr=2.5e-4, eps=1e-5)
obs = torch.as_tensor(envs.reset(seed=0)[0])
updates = 500
for update in range(updates):
    for g in opt.param_groups:
        g["lr"] = 2.5e-4 * (1 - update / updates)
    buf = {k: [] for k in ("o", "a", "lp", "r", "d", "v")}
    for _ in range(T):
        with torch.no_grad():
            a, lp, _, v = agent.act(obs)
        nxt, r, term, trunc, _ = envs.step(a.numpy())
        for k, x in zip(buf, (obs, a, lp, torch.as_tensor(r), torch.as_tensor(term | trunc), v)):
            buf[k].append(x)
        obs = torch.as_tensor(nxt)
    o, a, lp, r, d, v = (torch.stack(buf[k]) for k in buf)
    with torch.no_grad():
        last = agent.critic(obs).squeeze(-1)
        adv, run = torch.zeros_like(r, dtype=torch.float32), 0
        for t in reversed(range(T)):
            nv = last if t == T - 1 else v[t + 1]
            delta = r[t] + GAMMA * nv * (~d[t]) - v[t]
            run = delta + GAMMA * LAM * (~d[t]) * run
            adv[t] = run
        ret = adv + v
    o, a, lp, adv, ret = (x.flatten(0, 1) for x in (o, a, lp, adv, ret))
    for _ in range(EPOCHS):
        for idx in torch.randperm(len(o)).split(MB):
            _, new_lp, ent, val = agent.act(o[idx], a[idx])
            ratio = (new_lp - lp[idx]).exp()
            ad = (adv[idx] - adv[idx].mean()) / (adv[idx].std() + 1e-8)
            pg = torch.max(-ad * ratio, -ad * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()
            loss = pg + 0.5 * (val - ret[idx]).pow(2).mean() - 0.01 * ent.mean()
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            opt.step()
