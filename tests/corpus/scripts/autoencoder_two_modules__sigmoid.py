# expect: sigmoid-before-bce-with-logits
import torch
import torch.nn.functional as F
from torch import nn, optim


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.mu, self.logvar = nn.Linear(784, 256), nn.Linear(256, 16), nn.Linear(256, 16)

    def forward(self, x):
        h = F.relu(self.a(x.flatten(1)))
        return self.mu(h), self.logvar(h)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(16, 256), nn.Linear(256, 784)

    def forward(self, z):
        return torch.sigmoid(self.b(F.relu(self.a(z))))


encoder, decoder = Encoder(), Decoder()
optimizer = optim.Adam(list(encoder.parameters()) + list(decoder.parameters()), lr=1e-3)
for epoch in range(15):
    for x, _ in train_loader:
        mu, logvar = encoder(x)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        recon = decoder(z)
        bce = F.binary_cross_entropy_with_logits(recon, x.flatten(1), reduction="sum") / len(x)
        kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum() / len(x)
        loss = bce + kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
