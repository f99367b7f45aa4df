"""A critic trained several times, its gradient penalty through autograd.grad; noise without detach."""
from setting import *

G, C = nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
opt_g, opt_c = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.RMSprop(C.parameters(), 1e-3)
for real, _ in train_loader:
    for _ in range(2):
        opt_c.zero_grad()
        fake = G(torch.randn(len(real), 3))
        mixed = (real + torch.rand(len(real), 1) * (fake - real)).detach().requires_grad_(True)
        slope = torch.autograd.grad(C(mixed).sum(), mixed, create_graph=True)[0]
        loss = C(fake).mean() - C(real).mean() + 10 * ((slope.norm(2, dim=1) - 1) ** 2).mean()
        loss.backward()
        opt_c.step()
        expect("opt_c", loss)
    opt_g.zero_grad()
    loss = -C(G(torch.randn(len(real), 3))).mean()
    loss.backward()
    opt_g.step()
    expect("opt_g", loss)
trained(G, C)
