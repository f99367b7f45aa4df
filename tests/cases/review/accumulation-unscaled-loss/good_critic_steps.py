import torch

opt_d = torch.optim.Adam(D.parameters(), lr=2e-4)
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4)
for i, real in enumerate(train_loader):
    opt_d.zero_grad()
    loss_d = D(G(noise).detach()).mean() - D(real).mean()
    loss_d.backward()
    opt_d.step()
    if i % 5 == 0:
        opt_g.zero_grad()
        loss_g = -D(G(noise)).mean()
        loss_g.backward()
        opt_g.step()
