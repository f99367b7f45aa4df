import gymnasium as gym
import torch
from torch.distributions import Categorical

env = gym.make("CartPole-v1")
policy = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
for episode in range(500):
    state, _ = env.reset()
    log_probs, rewards, done = [], [], False
    while not done:
        dist = Categorical(logits=policy(torch.as_tensor(state)))
        action = dist.sample()
        state, reward, done, truncated, _ = env.step(action.item())
        log_probs.append(dist.log_prob(action))
        rewards.append(reward)
    loss = -(torch.stack(log_probs) * returns(rewards)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()  # <-- missing-grad-clipping
