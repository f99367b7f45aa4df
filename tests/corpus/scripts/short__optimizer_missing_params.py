# expect: optimizer-missing-params
import torch, copy
from torch import nn
import torch.nn.functional as F

class A(nn.Module):
    def __init__(s):
        super().__init__(); s.enc=nn.Linear(4,8); s.head=nn.Linear(8,3)
    def forward(s,x): return s.head(s.enc(x).relu())
a=A(); opt=torch.optim.Adam(a.head.parameters(), lr=1e-3)
for x,y in train_loader:
    opt.zero_grad(); F.cross_entropy(a(x),y).backward(); opt.step()
