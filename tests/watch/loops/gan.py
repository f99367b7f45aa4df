"""Two networks against each other, two optimizers."""
from setting import *

G, D = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 4)), nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
opt_g, opt_d = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
bce = nn.BCEWithLogitsLoss()
for epoch in range(2):
    for real, _ in train_loader:
        one, zero = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        D.zero_grad()
        loss_real = bce(D(real), one)
        loss_real.backward()
        fake = G(torch.randn(len(real), 3))
        loss_fake = bce(D(fake.detach()), zero)
        loss_fake.backward()
        opt_d.step()
        expect("opt_d", (loss_real.item() + loss_fake.item()) / 2, backwards=2)
        opt_g.zero_grad()
        loss_g = bce(D(fake), one)
        loss_g.backward()
        opt_g.step()
        expect("opt_g", loss_g)
expect_epochs(2)
trained(G, D)
