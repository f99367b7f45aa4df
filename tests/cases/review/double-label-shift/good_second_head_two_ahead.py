"""One head learns the next token, a second one the token after it."""

import torch
import torch.nn.functional as F
from torch import nn
from torch import optim
from torch.utils.data import DataLoader, Dataset

class W(Dataset):
    def __init__(self, ids, n): self.ids, self.n = ids, n
    def __len__(self): return len(self.ids) - self.n - 1
    def __getitem__(self, i): return self.ids[i:i + self.n], self.ids[i + 1:i + self.n + 1]
class LM(nn.Module):
    def __init__(self):
        super().__init__(); self.e = nn.Embedding(10, 4); self.o = nn.Linear(4, 10); self.o2 = nn.Linear(4, 10)
    def forward(self, x):
        h = self.e(x)
        return self.o(h), self.o2(h)
loader = DataLoader(W(torch.randint(0, 10, (1000,)), 32), batch_size=32, shuffle=True)
m = LM()
opt = optim.Adam(m.parameters())
for x, y in loader:
    a, b = m(x)
    loss = F.cross_entropy(a.reshape(-1, 10), y.reshape(-1)) + F.cross_entropy(b[:, :-1].reshape(-1, 10), y[:, 1:].reshape(-1))
    opt.zero_grad(); loss.backward(); opt.step()
