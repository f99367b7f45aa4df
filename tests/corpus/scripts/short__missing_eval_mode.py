# expect: missing-eval-mode
import torch, copy
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(s):
        super().__init__(); s.seq=nn.Sequential(nn.Linear(4,8),nn.ReLU(),nn.Dropout(.5),nn.Linear(8,3))
    def forward(s,x): return s.seq(x)
def val(net, loader):
    acc=[]
    with torch.no_grad():
        for x,y in loader: acc.append((net(x).argmax(1)==y).float().mean())
    return sum(acc)/len(acc)
net=Net(); opt=torch.optim.Adam(net.parameters())
for ep in range(5):
    for x,y in train_loader:
        opt.zero_grad(); loss=F.cross_entropy(net(x),y); loss.backward(); opt.step()
    print(val(net, val_loader))
