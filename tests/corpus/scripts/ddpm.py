import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms, utils

torch.manual_seed(0)
device = "cuda"
TIMESTEPS = 1000


class TimeEmbedding(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.mlp = nn.Sequential(nn.Linear(dim, dim * 4), nn.SiLU(), nn.Linear(dim * 4, dim))

    def forward(self, t):
        half = self.dim // 2
        freqs = torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)
        args = t[:, None].float() * freqs[None]
        return self.mlp(torch.cat([args.sin(), args.cos()], dim=-1))


class ResBlock(nn.Module):
    def __init__(self, c, dim):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, c), nn.GroupNorm(8, c)
        self.conv1, self.conv2 = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        self.emb = nn.Linear(dim, c)

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.emb(emb)[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return x + h


class EpsNet(nn.Module):
    def __init__(self, c=64):
        super().__init__()
        self.time = TimeEmbedding(c)
        self.inp = nn.Conv2d(1, c, 3, padding=1)
        self.blocks = nn.ModuleList([ResBlock(c, c) for _ in range(6)])
        self.out = nn.Conv2d(c, 1, 3, padding=1)

    def forward(self, x, t):
        emb = self.time(t)
        h = self.inp(x)
        for block in self.blocks:
            h = block(h, emb)
        return self.out(h)


betas = torch.linspace(1e-4, 0.02, TIMESTEPS, device=device)
alphas_bar = torch.cumprod(1 - betas, dim=0)
tf = transforms.Compose([transforms.Resize(32), transforms.ToTensor(), transforms.Lambda(lambda x: 2 * x - 1)])
loader = DataLoader(datasets.MNIST("data", train=True, download=True, transform=tf), batch_size=128, shuffle=True, drop_last=True)
model = EpsNet().to(device)
ema = copy.deepcopy(model).eval().requires_grad_(False)
opt = torch.optim.AdamW(model.parameters(), lr=2e-4)


@torch.no_grad()
def sample(net, n=16):
    x = torch.randn(n, 1, 32, 32, device=device)
    for i in reversed(range(TIMESTEPS)):
        t = torch.full((n,), i, device=device)
        eps = net(x, t)
        a, ab = 1 - betas[i], alphas_bar[i]
        x = (x - betas[i] / (1 - ab).sqrt() * eps) / a.sqrt()
        if i > 0:
            x = x + betas[i].sqrt() * torch.randn_like(x)
    return x


step = 0
for epoch in range(30):
    model.train()
    for x0, _ in loader:
        x0 = x0.to(device)
        t = torch.randint(0, TIMESTEPS, (x0.size(0),), device=device)
        noise = torch.randn_like(x0)
        ab = alphas_bar[t][:, None, None, None]
        xt = ab.sqrt() * x0 + (1 - ab).sqrt() * noise
        loss = F.mse_loss(model(xt, t), noise)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        with torch.no_grad():
            for pe, p in zip(ema.parameters(), model.parameters()):
                pe.lerp_(p, 0.001)
        if step % 100 == 0:
            print(step, loss.item())
        step += 1
    utils.save_image(sample(ema), f"ddpm_{epoch}.png", normalize=True)
    torch.save(ema.state_dict(), "ddpm_ema.pt")
