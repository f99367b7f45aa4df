import torch
from torch import nn
import torch.nn.functional as F

import gymnasium as gym

env = gym.make("CartPole-v1")
policy = nn.Linear(4, 2)
state, _ = env.reset()
for step in range(200):
    probs = torch.softmax(policy(torch.as_tensor(state)), dim=0)
    action = probs.argmax()
    state, reward, done, truncated, info = env.step(action.item())
