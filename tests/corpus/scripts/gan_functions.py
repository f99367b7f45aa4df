# expect: nothing
import torch
from torch import nn

nz, device = 100, "cuda"


def make_generator():
    return nn.Sequential(
        nn.ConvTranspose2d(nz, 64, 4), nn.BatchNorm2d(64), nn.ReLU(True), nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh()
    )


def make_discriminator():
    return nn.Sequential(nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2, True), nn.Conv2d(64, 1, 4), nn.Flatten())


G, D = make_generator().to(device), make_discriminator().to(device)
bce = nn.BCEWithLogitsLoss()
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))


def discriminator_step(real, fake):
    opt_d.zero_grad()
    real_loss = bce(D(real), torch.ones(len(real), 1, device=device))
    fake_loss = bce(D(fake.detach()), torch.zeros(len(real), 1, device=device))
    (real_loss + fake_loss).backward()
    opt_d.step()


def generator_step(fake):
    opt_g.zero_grad()
    bce(D(fake), torch.ones(len(fake), 1, device=device)).backward()
    opt_g.step()


for epoch in range(50):
    for real, _ in train_loader:
        real = real.to(device)
        fake = G(torch.randn(len(real), nz, 1, 1, device=device))
        discriminator_step(real, fake)
        generator_step(fake)
