import torch

opt_c = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9))
opt_g = torch.optim.Adam(gen.parameters(), lr=1e-4, betas=(0.0, 0.9))
for epoch in range(200):
    for i, real in enumerate(loader):
        fake = gen(torch.randn(64, 100)).detach()
        mixed = (real + fake).requires_grad_()
        grads = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)[0]
        penalty = ((grads.norm(2, dim=1) - 1) ** 2).mean()
        loss_c = critic(fake).mean() - critic(real).mean() + 10 * penalty
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
        if (i + 1) % 5 == 0:
            loss_g = -critic(gen(torch.randn(64, 100))).mean()
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()
