# expect: unregistered-submodules
import torch, copy
from torch import nn
import torch.nn.functional as F

class A(nn.Module):
    def __init__(s, n):
        super().__init__(); s.heads=[]
        for _ in range(n): s.heads.append(nn.Linear(4,2))
    def forward(s,x): return [h(x) for h in s.heads]
