import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Tokens(Dataset):
    def __init__(self, ids, length):
        self.ids, self.length = ids, length

    def __len__(self):
        return len(self.ids) // self.length - 1

    def __getitem__(self, i):
        part = self.ids[i * self.length : (i + 1) * self.length + 1]
        return part[:-1], part[1:]


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(100, 32), nn.Linear(32, 100)
        layer = nn.TransformerEncoderLayer(32, 4, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 2)  # <-- missing-causal-mask

    def forward(self, x):
        return self.out(self.body(self.embed(x)))


train_loader = DataLoader(Tokens(torch.randint(0, 100, (10_000,)), 64), batch_size=32, shuffle=True)
model = Reader()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=500)
for x, y in train_loader:
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    warmup.step()
