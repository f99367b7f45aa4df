import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, random_split


class PairDataset(Dataset):
    def __init__(self, n=800, seed=0):
        g = torch.Generator().manual_seed(seed)
        self.centres = torch.randn(10, 16, generator=g) * 2
        self.a = torch.randint(0, 10, (n,), generator=g)
        same = torch.rand(n, generator=g) < 0.5
        self.b = torch.where(same, self.a, torch.randint(0, 10, (n,), generator=g))
        self.xa = self.centres[self.a] + torch.randn(n, 16, generator=g)
        self.xb = self.centres[self.b] + torch.randn(n, 16, generator=g)

    def __len__(self):
        return len(self.a)

    def __getitem__(self, idx):
        return self.xa[idx], self.xb[idx], (self.a[idx] == self.b[idx]).float()


class SiameseTrainer:
    def __init__(self, lr=1e-3, margin=1.0, device=None):
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 8)).to(self.device)
        self.optim = torch.optim.RMSprop(self.net.parameters(), lr=lr)
        self.margin = margin

    def distance(self, a, b):
        return F.pairwise_distance(self.net(a), self.net(b))

    def contrastive(self, d, y):
        return (y * d.pow(2) + (1 - y) * F.relu(self.margin - d).pow(2)).mean()

    def _loop(self, loader, train):
        self.net.train() if train else self.net.eval()
        tot, ok, n = 0.0, 0, 0
        with torch.set_grad_enabled(train):
            for a, b, y in loader:
                a, b, y = (t.to(self.device) for t in (a, b, y))
                d = self.distance(a, b)
                loss = self.contrastive(d, y)
                if train:
                    self.optim.zero_grad()
                    loss.backward()
                    self.optim.step()
                tot += loss.item() * len(y)
                ok += ((d < self.margin / 2).float() == y).sum().item()
                n += len(y)
        return tot / n, ok / n

    def fit(self, train, val, epochs):
        for e in range(epochs):
            t, v = self._loop(train, True), self._loop(val, False)
            print(f"{e}: train {t[0]:.3f}/{t[1]:.2f} val {v[0]:.3f}/{v[1]:.2f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    tr, va = random_split(PairDataset(), [640, 160])
    SiameseTrainer().fit(DataLoader(tr, 40, shuffle=True), DataLoader(va, 80), 6)
