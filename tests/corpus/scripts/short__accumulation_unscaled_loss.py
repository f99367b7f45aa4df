# expect: accumulation-unscaled-loss
import torch, copy
from torch import nn
import torch.nn.functional as F

m=nn.Linear(4,3); opt=torch.optim.Adam(m.parameters()); steps=0; ACC=8
for x,y in train_loader:
    F.cross_entropy(m(x),y).backward(); steps+=1
    if steps==ACC:
        opt.step(); opt.zero_grad(); steps=0
