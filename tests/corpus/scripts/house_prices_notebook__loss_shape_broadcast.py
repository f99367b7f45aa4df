# %%
import pandas as pd, numpy as np
import torch
from torch import nn
from sklearn.model_selection import train_test_split
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 1
np.random.seed(SEED); torch.manual_seed(SEED)
# %%
n = 800
df = pd.DataFrame(np.random.lognormal(size=(n, 8)), columns=list("abcdefgh"))
df.loc[np.random.rand(n) < 0.05, "c"] = np.nan
df["SalePrice"] = np.exp(0.3*np.log(df["a"]) + 0.2*np.log(df["b"]) + 11 + 0.1*np.random.randn(n))
# %%
y = np.log1p(df.pop("SalePrice")).to_numpy(np.float32)
X_train, X_val, y_train, y_val = train_test_split(df, y, test_size=.2, random_state=SEED)
prep = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
X_train = torch.tensor(prep.fit_transform(X_train), dtype=torch.float32)
X_val = torch.tensor(prep.transform(X_val), dtype=torch.float32)
mu, sd = y_train.mean(), y_train.std()
y_train = torch.tensor((y_train - mu)/sd)
y_val = torch.tensor((y_val - mu)/sd)
# %%
class ResBlock(nn.Module):
    def __init__(self, d, p=.1):
        super().__init__()
        self.f = nn.Sequential(nn.BatchNorm1d(d), nn.Linear(d, d), nn.ReLU(), nn.Dropout(p), nn.Linear(d, d))
    def forward(self, x): return x + self.f(x)

net = nn.Sequential(nn.Linear(8, 64), *[ResBlock(64) for _ in range(3)], nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
sch = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=5)
loss_fn = nn.MSELoss()
# %%
best, best_sd = 1e9, None
for ep in range(40):
    net.train()
    for idx in torch.randperm(len(X_train)).split(64):
        loss = loss_fn(net(X_train[idx]), y_train[idx])
        opt.zero_grad(); loss.backward(); opt.step()
    net.eval()
    with torch.no_grad(): vl = loss_fn(net(X_val), y_val).item()
    sch.step(vl)
    if vl < best:
        best, best_sd = vl, {k: v.clone() for k, v in net.state_dict().items()}
    if ep % 10 == 0: print(ep, vl)
net.load_state_dict(best_sd)
print("rmse", best**.5*sd)
