"""REINFORCE: no loader, episodes, actions drawn under no_grad from a distribution."""
from torch.distributions import Categorical

from setting import *

policy = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
for episode in range(12):
    state, log_probs, rewards = torch.zeros(4), [], []
    for t in range(5):
        dist = Categorical(logits=policy(state))
        action = dist.sample()
        log_probs.append(dist.log_prob(action))
        state = torch.randn(4)
        rewards.append(float(action) - 0.5)
    returns = torch.tensor([sum(rewards[i:]) for i in range(5)])
    returns = (returns - returns.mean()) / (returns.std() + 1e-8)
    loss = torch.stack([-lp * r for lp, r in zip(log_probs, returns)]).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    expect("optimizer", loss)
trained(policy)
