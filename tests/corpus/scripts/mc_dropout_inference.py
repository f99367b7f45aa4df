import numpy as np
import torch
from torch import nn


class BayesianMLP(nn.Module):
    def __init__(self, n_in, hidden=128, p=0.2):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Dropout(p), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(p), nn.Linear(hidden, 1))

    def forward(self, x):
        return self.net(x)


def enable_dropout(model):
    for m in model.modules():
        if isinstance(m, nn.Dropout):
            m.train()


@torch.no_grad()
def predict_with_uncertainty(model, x, samples=50):
    model.eval()
    enable_dropout(model)
    draws = torch.stack([model(x) for _ in range(samples)])
    return draws.mean(0), draws.std(0)


def train(model, loader, epochs=20):
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:
            opt.zero_grad()
            loss = nn.functional.mse_loss(model(x), y.unsqueeze(1))
            loss.backward()
            opt.step()
            total += loss.item()
        print(epoch, total / len(loader))


torch.manual_seed(0)
x = torch.rand(2000, 5)
y = (x * torch.arange(5)).sum(1) + 0.1 * torch.randn(2000)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=64, shuffle=True)
model = BayesianMLP(5)
train(model, loader)
mean, std = predict_with_uncertainty(model, torch.rand(10, 5))
print(np.c_[mean.numpy(), std.numpy()])
