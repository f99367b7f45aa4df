"""A VAE: reconstruction and KL by hand, sum reduction, validated by the same function."""
from setting import *


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = nn.Linear(4, 4), nn.Linear(2, 4)

    def forward(self, x):
        mu, logvar = self.enc(x).chunk(2, 1)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.dec(z), mu, logvar


def elbo(recon, x, mu, logvar):
    return F.mse_loss(recon, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=1e-2)
for epoch in range(1, 4):
    vae.train()
    for data, _ in train_loader:
        optimizer.zero_grad()
        loss = elbo(*(lambda r, m, l: (r, data, m, l))(*vae(data)))
        loss.backward()
        optimizer.step()
        expect("optimizer", loss)
    vae.eval()
    test_loss = 0
    with torch.no_grad():
        for data, _ in val_loader:
            recon, mu, logvar = vae(data)
            test_loss += elbo(recon, data, mu, logvar).item()
    expect_validation(test_loss / len(val_loader))
expect_epochs(3)
trained(vae)
