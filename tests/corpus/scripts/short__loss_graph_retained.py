# expect: loss-graph-retained
import torch, copy
from torch import nn
import torch.nn.functional as F

net=nn.Linear(4,1); opt=torch.optim.Adam(net.parameters()); hist={"loss":[]}
for x,y in train_loader:
    opt.zero_grad(); loss=F.mse_loss(net(x),y); loss.backward(); opt.step()
    hist["loss"].append(loss)
