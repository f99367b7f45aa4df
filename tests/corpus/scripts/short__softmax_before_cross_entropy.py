# expect: softmax-before-cross-entropy
import torch, copy
from torch import nn
import torch.nn.functional as F

class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc=nn.Linear(4,3); self.sm=nn.Softmax(dim=1); self.loss=nn.CrossEntropyLoss()
    def forward(self,x): return self.sm(self.fc(x))
    def compute(self, x, y): return self.loss(self(x), y)
n=N(); opt=torch.optim.Adam(n.parameters())
for x,y in train_loader:
    opt.zero_grad(); l=n.compute(x,y); l.backward(); opt.step()
