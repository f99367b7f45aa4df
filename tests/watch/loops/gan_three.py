"""A GAN with an encoder: three optimizers, labels smoothed, detach."""
from setting import *

z = 3
G = nn.Sequential(nn.Linear(z, 16), nn.ReLU(), nn.Linear(16, 4))
D = nn.Sequential(nn.Linear(4 + z, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
E = nn.Linear(4, z)
optim_G, optim_D, optim_E = (torch.optim.Adam(m.parameters(), 1e-3, betas=(0.5, 0.999)) for m in (G, D, E))
for epoch in range(2):
    for i, (real, _) in enumerate(train_loader):
        noise = torch.randn(len(real), z)
        fake = G(noise)
        code = E(real)
        d_real = D(torch.cat([real, code.detach()], 1))
        d_fake = D(torch.cat([fake.detach(), noise], 1))
        loss_d = F.binary_cross_entropy_with_logits(d_real, torch.full_like(d_real, 0.9)) + F.binary_cross_entropy_with_logits(d_fake, torch.zeros_like(d_fake))
        optim_D.zero_grad()
        loss_d.backward()
        optim_D.step()
        expect("optim_D", loss_d)
        optim_G.zero_grad(); optim_E.zero_grad()
        loss_ge = F.binary_cross_entropy_with_logits(D(torch.cat([fake, noise], 1)), torch.ones(len(real), 1)) + F.binary_cross_entropy_with_logits(D(torch.cat([real, code], 1)), torch.zeros(len(real), 1))
        loss_ge.backward()
        optim_G.step()
        expect("optim_G", loss_ge)
        optim_E.step()
        expect("optim_E", loss_ge)
expect_epochs(2)
trained(G, D, E)
