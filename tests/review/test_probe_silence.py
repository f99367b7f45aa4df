"""Correct code in many styles is probed without an accusation."""

# ruff: noqa: E501 - cells in strings are read as they are
from __future__ import annotations

import pytest

from nbtrain.findings import Severity
from nbtrain.review import review_source

HEAD = """\
import copy
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
"""
GAN = """\
G, D = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6)), nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
opt_g, opt_d = (torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (G, D))
bce = nn.BCEWithLogitsLoss()
for (real,) in DataLoader(TensorDataset(torch.randn(64, 6)), batch_size=16, shuffle=True):
    fake = G(torch.randn(16, 4))
    opt_d.zero_grad()
    loss_d = bce(D(real), torch.ones(16, 1)) + bce(D(fake.detach()), torch.zeros(16, 1))
    loss_d.backward()
    opt_d.step()
    opt_g.zero_grad()
    bce(D(fake), torch.ones(16, 1)).backward()
    opt_g.step()
"""
VAE = """\
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = nn.Linear(6, 8), nn.Linear(4, 6)
    def forward(self, x):
        mu, log_var = self.enc(x).chunk(2, -1)
        z = mu + torch.randn_like(mu) * (0.5 * log_var).exp()
        return self.dec(z), mu, log_var
vae = VAE()
opt = torch.optim.AdamW(vae.parameters(), lr=1e-3)
for (x,) in DataLoader(TensorDataset(torch.rand(64, 6)), batch_size=16, shuffle=True):
    out, mu, log_var = vae(x)
    loss = F.binary_cross_entropy_with_logits(out, x) - 0.5 * (1 + log_var - mu**2 - log_var.exp()).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
"""
TIME_FIRST = """\
class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.head = nn.Embedding(30, 8), nn.LSTM(8, 8), nn.Linear(8, 30)
    def forward(self, x):
        return self.head(self.rnn(self.embed(x))[0])
lm = LM()
opt = torch.optim.AdamW(lm.parameters(), lr=1e-3)
stream = torch.randint(0, 30, (41, 5))
for at in range(0, 40, 10):
    x, y = stream[at : at + 10], stream[at + 1 : at + 11]
    loss = F.cross_entropy(lm(x).flatten(0, 1), y.flatten())
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
    opt.step()
"""
GRAPH = """\
class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)
    def forward(self, x, adjacency):
        return self.b(adjacency @ torch.relu(self.a(adjacency @ x)))
x, y = torch.randn(20, 6), torch.randint(0, 3, (20,))
adjacency = torch.eye(20) / 2 + torch.rand(20, 20) / 40
gcn = GCN()
opt = torch.optim.Adam(gcn.parameters(), lr=5e-3)
for epoch in range(20):
    opt.zero_grad()
    F.cross_entropy(gcn(x, adjacency)[:14], y[:14]).backward()
    opt.step()
"""
GPT = """\
class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.where = nn.Embedding(40, 16), nn.Embedding(12, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True)
        self.body, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(16, 40)
    def forward(self, ids):
        mask = nn.Transformer.generate_square_subsequent_mask(ids.size(1))
        h = self.embed(ids) + self.where(torch.arange(ids.size(1)))
        return self.head(self.body(h, mask=mask, is_causal=True))
gpt = GPT()
opt = torch.optim.AdamW(gpt.parameters(), lr=3e-4, weight_decay=0.0)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, (step + 1) / 100))
loader = DataLoader(TensorDataset(torch.randint(0, 40, (32, 13))), batch_size=8, shuffle=True)
for (ids,) in loader:
    loss = F.cross_entropy(gpt(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(gpt.parameters(), 1.0)
    opt.step()
    warm.step()
"""
SCALED = """\
net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
scaler = torch.amp.GradScaler("cpu")
loader = DataLoader(TensorDataset(torch.randn(64, 4, 4), torch.randint(0, 3, (64,))), batch_size=8, shuffle=True)
opt.zero_grad()
for i, (x, y) in enumerate(loader):
    loss = F.cross_entropy(net(x), y) / 2
    scaler.scale(loss).backward()
    if i % 2:
        scaler.unscale_(opt)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(opt)
        scaler.update()
        opt.zero_grad()
"""
LBFGS = """\
w = nn.Linear(3, 1)
x, y = torch.randn(30, 3), torch.randn(30, 1)
opt = torch.optim.LBFGS(w.parameters(), max_iter=4)
def closure():
    opt.zero_grad()
    loss = F.mse_loss(w(x), y)
    loss.backward()
    return loss
for _ in range(5):
    opt.step(closure)
"""
FROZEN = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(4, 2)
        self.backbone.requires_grad_(False)
    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self
    def forward(self, x):
        with torch.no_grad():
            h = self.backbone(x)
        return self.head(h)
net = Net()
ema = copy.deepcopy(net)
opt = torch.optim.AdamW(net.head.parameters(), lr=1e-3)
for epoch in range(2):
    net.train()
    for x, y in DataLoader(TensorDataset(torch.randn(64, 1, 8, 8), torch.randint(0, 2, (64,))), batch_size=16, shuffle=True):
        opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        opt.step()
        with torch.no_grad():
            for slow, fast in zip(ema.parameters(), net.parameters()):
                slow.lerp_(fast, 0.01)
"""
POLICY = """\
policy, value = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), nn.Linear(4, 1)
opt = torch.optim.Adam([*policy.parameters(), *value.parameters()], lr=3e-4)
for episode in range(5):
    states, rewards = torch.randn(12, 4), torch.randn(12)
    chosen = torch.distributions.Categorical(logits=policy(states))
    actions = chosen.sample()
    returns = rewards.flip(0).cumsum(0).flip(0)
    values = value(states).squeeze(-1)
    loss = -(chosen.log_prob(actions) * (returns - values.detach())).mean() + F.mse_loss(values, returns)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    opt.step()
"""
PAIRS = """\
enc = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))
opt = torch.optim.AdamW(enc.parameters(), lr=1e-3)
for (x,) in DataLoader(TensorDataset(torch.randn(64, 6)), batch_size=16, shuffle=True):
    a, b = F.normalize(enc(x), dim=-1), F.normalize(enc(x + 0.1 * torch.randn_like(x)), dim=-1)
    loss = F.cross_entropy(a @ b.T / 0.5, torch.arange(len(x)))
    opt.zero_grad()
    loss.backward()
    opt.step()
"""
MASKED = """\
embed, layer, head = nn.Embedding(40, 16), nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), nn.Linear(16, 40)
model = nn.Sequential(embed, layer, head)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-3, total_steps=100, pct_start=0.1)
for (ids,) in DataLoader(TensorDataset(torch.randint(1, 40, (32, 10))), batch_size=8, shuffle=True):
    hidden = torch.rand(ids.shape) < 0.15
    labels = ids.masked_fill(~hidden, -100)
    labels[:, 0] = ids[:, 0]
    loss = F.cross_entropy(model(ids.masked_fill(hidden, 0)).flatten(0, 1), labels.flatten(), ignore_index=-100)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    sched.step()
"""
ZERO_HEAD = """\
head = nn.Linear(8, 3)
nn.init.zeros_(head.weight)
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), head)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
ramp = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, step / 10))
for x, y in DataLoader(TensorDataset(torch.randn(64, 6), torch.randint(0, 3, (64,))), batch_size=16, shuffle=True):
    opt.zero_grad()
    F.cross_entropy(model(x), y).backward()
    opt.step()
    ramp.step()
"""
SWITCHED_OFF = """\
model = nn.GRU(6, 8, batch_first=True)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cpu", enabled=False)
for (x,) in DataLoader(TensorDataset(torch.randn(64, 5, 6)), batch_size=16, shuffle=True):
    opt.zero_grad()
    scaler.scale(model(x)[0].pow(2).mean()).backward()
    scaler.unscale_(opt)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(opt)
    scaler.update()
"""
STYLES = {
    "gan": GAN, "vae": VAE, "time first": TIME_FIRST, "graph": GRAPH, "gpt": GPT, "scaled": SCALED, "lbfgs": LBFGS,
    "frozen backbone": FROZEN, "policy": POLICY, "pairs": PAIRS, "masked": MASKED, "zero head": ZERO_HEAD,
    "scaler off": SWITCHED_OFF,
}  # fmt: skip


@pytest.mark.parametrize("source", STYLES.values(), ids=STYLES.keys())
def test_correct_code_is_not_accused(source: str) -> None:
    """The probe comes to a step, puts everything back, and adds no warning to what reading says."""
    read = {one.rule for one in review_source(HEAD + source).findings}
    review = review_source(HEAD + source, probe=True)
    said = review.to_dict()["probe"]

    assert (said["error"], said["changed"]) == ("", ())
    assert said["steps"] >= 1
    assert {one.rule for one in review.findings if one.severity is not Severity.INFO} <= read
    assert not any("witness" in one or "could not be run" in one for one in (*review.caveats, *said["notes"]))
