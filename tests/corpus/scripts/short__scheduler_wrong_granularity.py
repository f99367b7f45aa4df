# expect: scheduler-wrong-granularity
import torch, copy
from torch import nn
import torch.nn.functional as F

m=nn.Linear(4,3); opt=torch.optim.SGD(m.parameters(), lr=.1, momentum=.9); N=60
sched=torch.optim.lr_scheduler.StepLR(opt, step_size=20, gamma=.1)
for ep in range(N):
    for i,(x,y) in enumerate(train_loader):
        opt.zero_grad(); F.cross_entropy(m(x),y).backward(); opt.step(); sched.step()
