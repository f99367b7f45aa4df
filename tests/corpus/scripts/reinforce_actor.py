import gymnasium as gym
import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.pi = nn.Linear(64, 4)
        self.v = nn.Linear(64, 1)

    def forward(self, obs):
        h = self.body(obs)
        return torch.softmax(self.pi(h), dim=-1), self.v(h).squeeze(-1)


def discounted(rewards, gamma=0.99):
    out, g = [], 0.0
    for r in reversed(rewards):
        g = r + gamma * g
        out.insert(0, g)
    return torch.tensor(out, dtype=torch.float32)


def main():
    torch.manual_seed(1)
    env = gym.make("LunarLander-v3")
    policy = Policy()
    optimizer = torch.optim.Adam(policy.parameters(), lr=2e-3)
    recent = []
    for episode in range(2000):
        obs, _ = env.reset()
        log_probs, values, rewards, entropies = [], [], [], []
        done = False
        while not done:
            probs, value = policy(torch.as_tensor(obs, dtype=torch.float32))
            dist = Categorical(probs)
            action = dist.sample()
            obs, reward, terminated, truncated, _ = env.step(action.item())
            done = terminated or truncated
            log_probs.append(dist.log_prob(action))
            entropies.append(dist.entropy())
            values.append(value)
            rewards.append(reward)
        returns = discounted(rewards)
        returns = (returns - returns.mean()) / (returns.std() + 1e-8)
        values = torch.stack(values)
        advantage = returns - values.detach()
        policy_loss = -(torch.stack(log_probs) * advantage).sum()
        value_loss = nn.functional.mse_loss(values, returns, reduction="sum")
        loss = policy_loss + 0.5 * value_loss - 0.01 * torch.stack(entropies).sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
        optimizer.step()
        recent.append(sum(rewards))
        if episode % 20 == 0:
            print(episode, np.mean(recent[-20:]))
            torch.save(policy.state_dict(), "policy.pt")


main()
