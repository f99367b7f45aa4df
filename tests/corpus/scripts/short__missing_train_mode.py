# expect: missing-train-mode
import torch, copy
from torch import nn
import torch.nn.functional as F

m=nn.Sequential(nn.Linear(4,8),nn.BatchNorm1d(8),nn.ReLU(),nn.Linear(8,3)); opt=torch.optim.Adam(m.parameters())
def evaluate():
    m.eval()
    with torch.no_grad(): return sum(F.cross_entropy(m(x),y).item() for x,y in val_loader)
for ep in range(4):
    for x,y in train_loader:
        opt.zero_grad(); F.cross_entropy(m(x),y).backward(); opt.step()
    print(evaluate())
