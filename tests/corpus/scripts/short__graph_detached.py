# expect: graph-detached
import torch, copy
from torch import nn
import torch.nn.functional as F

net=nn.Linear(4,1); opt=torch.optim.Adam(net.parameters())
for x,y in train_loader:
    opt.zero_grad()
    p=net(x).detach().numpy()
    loss=torch.tensor(((p-y.numpy())**2).mean(), requires_grad=True)
    loss.backward(); opt.step()
