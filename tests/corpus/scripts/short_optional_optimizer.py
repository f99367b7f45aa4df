# expect: nothing
import torch, torch.nn as nn
from torch.optim import AdamW as Opt
class M(nn.Module):
    def __init__(s):
        super().__init__(); s.a=nn.Linear(4,4); s.d=nn.Dropout(.1)
    def forward(s,x): return s.d(s.a(x))
def loop(model, dl, opt=None, dev="cpu"):
    train = opt is not None
    model.train() if train else model.eval()
    tot = 0
    ctx = torch.enable_grad() if train else torch.no_grad()
    with ctx:
        for x,y in dl:
            loss = nn.functional.mse_loss(model(x), y)
            if train:
                opt.zero_grad(); loss.backward(); opt.step()
            tot += loss.item()
    return tot
m = M(); o = Opt(m.parameters(), lr=1e-3)
for e in range(3):
    loop(m, train_dl, o); v = loop(m, val_dl)
