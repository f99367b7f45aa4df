import torch
from torch import autograd, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

device = "cuda" if torch.cuda.is_available() else "cpu"
Z, N_CRITIC, LAMBDA = 128, 5, 10.0
tf = transforms.Compose([transforms.Resize(64), transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
loader = DataLoader(datasets.ImageFolder("faces", tf), batch_size=64, shuffle=True, num_workers=4, drop_last=True)


def up(i, o):
    return nn.Sequential(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True))


gen = nn.Sequential(nn.ConvTranspose2d(Z, 512, 4), nn.BatchNorm2d(512), nn.ReLU(True), up(512, 256), up(256, 128), up(128, 64),
                    nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh()).to(device)


def down(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 4, 2, 1), nn.InstanceNorm2d(o, affine=True), nn.LeakyReLU(0.2, True))


critic = nn.Sequential(nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2, True), down(64, 128), down(128, 256), down(256, 512), nn.Conv2d(512, 1, 4)).to(device)
opt_g = torch.optim.Adam(gen.parameters(), lr=1e-4, betas=(0.0, 0.9))
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9))


def penalty(real, fake):
    eps = torch.rand(real.size(0), 1, 1, 1, device=device)
    mix = (eps * real + (1 - eps) * fake).requires_grad_(True)
    (g,) = autograd.grad(critic(mix).sum(), mix, create_graph=True)
    return ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


step = 0
for epoch in range(200):
    for real, _ in loader:
        real = real.to(device)
        fake = gen(torch.randn(real.size(0), Z, 1, 1, device=device)).detach()
        loss_c = critic(fake).mean() - critic(real).mean() + LAMBDA * penalty(real, fake)
        opt_c.zero_grad(set_to_none=True)
        loss_c.backward()
        opt_c.step()
        step += 1
        if step % N_CRITIC == 0:
            loss_g = -critic(gen(torch.randn(real.size(0), Z, 1, 1, device=device))).mean()
            opt_g.zero_grad(set_to_none=True)
            loss_g.backward()
            opt_g.step()
    torch.save({"g": gen.state_dict(), "c": critic.state_dict()}, f"wgan_{epoch}.pt")
