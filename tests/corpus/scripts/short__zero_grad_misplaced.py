# expect: zero-grad-misplaced
import torch, copy
from torch import nn
import torch.nn.functional as F

net=nn.Linear(4,3); opt=torch.optim.Adam(net.parameters())
for ep in range(5):
    net.zero_grad()
    for x,y in train_loader:
        loss=F.cross_entropy(net(x),y); loss.backward(); opt.step()
