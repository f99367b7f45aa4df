import torch
from torch import nn
import torch.nn.functional as F

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(28 * 28, 32)

    def forward(self, x):
        return torch.relu(self.lin(x.flatten(1)))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(32, 28 * 28)

    def forward(self, z):
        return self.lin(z)


encoder, decoder = Encoder(), Decoder()
optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-3)
for epoch in range(5):
    for x, _ in train_loader:
        optimizer.zero_grad()
        loss = F.mse_loss(decoder(encoder(x)), x.flatten(1))  # <-- optimizer-missing-params
        loss.backward()
        optimizer.step()
