import torch
import torch.nn as nn
from torch.nn.utils.parametrizations import weight_norm

from dataloading import get_batches, get_num_batches


class Chomp(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.n = n

    def forward(self, x):
        return x[:, :, : -self.n].contiguous()


class TemporalBlock(nn.Module):
    def __init__(self, cin, cout, k, d, p):
        super().__init__()
        pad = (k - 1) * d
        self.net = nn.Sequential(
            weight_norm(nn.Conv1d(cin, cout, k, padding=pad, dilation=d)), Chomp(pad), nn.ReLU(), nn.Dropout(p),
            weight_norm(nn.Conv1d(cout, cout, k, padding=pad, dilation=d)), Chomp(pad), nn.ReLU(), nn.Dropout(p),
        )
        self.skip = nn.Conv1d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x):
        return torch.relu(self.net(x) + self.skip(x))


class TCN(nn.Module):
    def __init__(self, n_in, n_out, width=48, levels=5):
        super().__init__()
        self.blocks = nn.Sequential(*[TemporalBlock(n_in if i == 0 else width, width, 5, 2**i, 0.1) for i in range(levels)])
        self.head = nn.Linear(width, n_out)

    def forward(self, x):
        return self.head(self.blocks(x)[:, :, -1])


def iterate(model, split, crit, opt=None):
    training = opt is not None
    model.train()
    total = 0.0
    context = torch.enable_grad() if training else torch.no_grad()
    with context:
        for xb, yb in get_batches(split, batch_size=64):
            loss = crit(model(xb), yb)
            if training:
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.4)
                opt.step()
            total += loss.item()
    return total / get_num_batches(split, 64)


if __name__ == "__main__":
    torch.manual_seed(1111)
    model = TCN(8, 3)
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    crit = nn.CrossEntropyLoss()
    best = 1e9
    for epoch in range(20):
        tr = iterate(model, "train", crit, opt)
        va = iterate(model, "valid", crit)
        print(f"{epoch} {tr:.4f} {va:.4f}")
        if va < best:
            best = va
            torch.save(model.state_dict(), "tcn.pt")
