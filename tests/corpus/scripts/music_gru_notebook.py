# %% [markdown]
# Next-note prediction
# %%
import pickle, random
import numpy as np, torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
random.seed(1); np.random.seed(1); torch.manual_seed(1)
notes = pickle.load(open("notes.pkl", "rb"))
vocab = sorted(set(notes)); lookup = {n: i for i, n in enumerate(vocab)}
ids = np.array([lookup[n] for n in notes])
cut = int(len(ids) * .9)

# %%
class Notes(Dataset):
    def __init__(self, ids, length=64):
        self.ids, self.length = torch.as_tensor(ids), length
    def __len__(self): return len(self.ids) - self.length - 1
    def __getitem__(self, i):
        chunk = self.ids[i:i + self.length + 1]
        return chunk[:-1], chunk[1:]

class Composer(nn.Module):
    def __init__(self, n, d=128, h=256):
        super().__init__()
        self.e = nn.Embedding(n, d); self.g = nn.GRU(d, h, 2, batch_first=True, dropout=.2); self.o = nn.Linear(h, n)
    def forward(self, x, s=None):
        y, s = self.g(self.e(x), s)
        return self.o(y), s

train_dl = DataLoader(Notes(ids[:cut]), 128, shuffle=True)
valid_dl = DataLoader(Notes(ids[cut:]), 256)
net = Composer(len(vocab)).to(dev := "cuda" if torch.cuda.is_available() else "cpu")
opt = torch.optim.Adam(net.parameters(), 1e-3)

# %%
def loss_of(batch):
    x, y = (b.to(dev) for b in batch)
    out, _ = net(x)
    return nn.functional.cross_entropy(out.transpose(1, 2), y)

for ep in range(12):
    net.train()
    for b in train_dl:
        opt.zero_grad(); l = loss_of(b); l.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.); opt.step()
    net.eval()
    with torch.inference_mode():
        v = np.mean([loss_of(b).item() for b in valid_dl])
    print(f"{ep} {l.item():.3f} {v:.3f}")
    torch.save(net.state_dict(), "composer.pt")
