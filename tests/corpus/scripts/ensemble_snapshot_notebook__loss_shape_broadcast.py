# %% [markdown]
# Snapshot ensembles with cyclic cosine restarts
# %%
%matplotlib inline
import copy
import torch, torch.nn as nn
import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from torch.utils.data import TensorDataset, DataLoader
torch.manual_seed(5)
# %%
X, y = make_moons(1500, noise=.25, random_state=5)
X_tr, X_va, y_tr, y_va = train_test_split(X, y, test_size=.25, random_state=5)
to_t = lambda a, t: torch.tensor(a, dtype=t)
tr = DataLoader(TensorDataset(to_t(X_tr, torch.float32), to_t(y_tr, torch.float32)), batch_size=75, shuffle=True)
xv, yv = to_t(X_va, torch.float32), to_t(y_va, torch.float32)
# %%
net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Dropout(.1), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.SGD(net.parameters(), lr=.1, momentum=.9)
cycles, per = 3, 10
sched = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=per)
bce = nn.BCEWithLogitsLoss()
snaps, lrs = [], []
# %%
for ep in range(cycles * per):
    net.train()
    for xb, yb in tr:
        opt.zero_grad()
        loss = bce(net(xb), yb)
        loss.backward()
        opt.step()
    lrs.append(sched.get_last_lr()[0])
    sched.step()
    if (ep + 1) % per == 0:
        snaps.append(copy.deepcopy(net.state_dict()))
        net.eval()
        with torch.inference_mode():
            print(ep + 1, ((net(xv) > 0).float() == yv).float().mean().item())
plt.plot(lrs)
# %%
net.eval()
votes = []
for sd in snaps:
    net.load_state_dict(sd)
    with torch.inference_mode():
        votes.append(net(xv).sigmoid())
print('ensemble', ((torch.stack(votes).mean(0) > .5).float() == yv).float().mean().item())
