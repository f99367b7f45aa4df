"""PPO: a rollout under no_grad, epochs over minibatches of it, value loss and entropy."""
from setting import *

actor, critic = nn.Linear(4, 2), nn.Linear(4, 1)
params = list(actor.parameters()) + list(critic.parameters())
optimizer = torch.optim.Adam(params, lr=3e-3, eps=1e-5)
for update in range(3):
    with torch.no_grad():
        obs = torch.randn(32, 4)
        dist = torch.distributions.Categorical(logits=actor(obs))
        actions = dist.sample()
        old = dist.log_prob(actions)
        returns = actions.float() + critic(obs).squeeze(1) * 0
        adv = returns - critic(obs).squeeze(1)
    for epoch in range(2):
        for idx in torch.randperm(32).split(16):
            dist = torch.distributions.Categorical(logits=actor(obs[idx]))
            ratio = (dist.log_prob(actions[idx]) - old[idx]).exp()
            pg = -torch.min(ratio * adv[idx], ratio.clamp(0.8, 1.2) * adv[idx]).mean()
            v = F.mse_loss(critic(obs[idx]).squeeze(1), returns[idx])
            loss = pg + 0.5 * v - 0.01 * dist.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(params, 0.5)
            optimizer.step()
            expect("optimizer", loss)
trained(actor, critic)
