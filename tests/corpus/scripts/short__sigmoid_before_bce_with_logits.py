# expect: sigmoid-before-bce-with-logits
import torch, copy
from torch import nn
import torch.nn.functional as F

m=nn.Linear(4,1); crit=nn.BCEWithLogitsLoss()
for x,y in train_loader:
    out=torch.sigmoid(m(x)); out=out.view(-1); l=crit(out,y)
