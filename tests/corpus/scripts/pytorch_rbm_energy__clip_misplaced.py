"""Energy-based model on 2-D data with Langevin sampling and a replay buffer."""
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0); np.random.seed(0)


class Energy(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(2, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, x):
        return self.f(x).squeeze(-1)


def langevin(energy, x, steps=10, step_size=0.1, noise=0.01):
    was = [p.requires_grad for p in energy.parameters()]
    energy.eval()
    for p in energy.parameters():
        p.requires_grad_(False)
    x = x.clone().requires_grad_(True)
    for _ in range(steps):
        g, = torch.autograd.grad(energy(x).sum(), x)
        x = (x - step_size * g.clamp(-1, 1) + noise * torch.randn_like(x)).detach().requires_grad_(True)
    for p, w in zip(energy.parameters(), was):
        p.requires_grad_(w)
    energy.train()
    return x.detach()


data = np.concatenate([np.random.randn(500, 2) * 0.2 + c for c in ([1, 1], [-1, -1], [1, -1])]).astype("float32")
data = torch.from_numpy(data)
net = Energy()
opt = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.0, 0.999))
buffer = torch.rand(1000, 2) * 4 - 2
for it in range(150):
    real = data[torch.randint(len(data), (128,))] + 0.01 * torch.randn(128, 2)
    pick = torch.randint(len(buffer), (128,))
    fake = langevin(net, buffer[pick])
    buffer[pick] = fake
    e_real, e_fake = net(real), net(fake)
    loss = e_real.mean() - e_fake.mean() + 0.1 * (e_real ** 2 + e_fake ** 2).mean()
    opt.zero_grad()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 0.1)
    loss.backward()
    opt.step()
    if (it + 1) % 50 == 0:
        print(it + 1, e_real.mean().item(), e_fake.mean().item())
