# expect: clip-before-unscale
import torch, copy
from torch import nn
import torch.nn.functional as F

m=nn.Linear(4,1).cuda(); opt=torch.optim.Adam(m.parameters()); sc=torch.cuda.amp.GradScaler(enabled=True)
for x,y in train_loader:
    with torch.cuda.amp.autocast(): l=F.mse_loss(m(x),y)
    opt.zero_grad(); sc.scale(l).backward()
    torch.nn.utils.clip_grad_norm_(m.parameters(), 5); sc.step(opt); sc.update()
