# expect: best-state-not-copied
import torch, copy
from torch import nn
import torch.nn.functional as F

net=nn.Linear(4,3); opt=torch.optim.Adam(net.parameters()); best={"loss":1e9}
for ep in range(5):
    for x,y in train_loader:
        opt.zero_grad(); loss=F.cross_entropy(net(x),y); loss.backward(); opt.step()
    v=evaluate(net)
    if v<best["loss"]:
        best={"loss":v,"state":net.state_dict()}
net.load_state_dict(best["state"])
