import torch
from torch import nn
import torch.nn.functional as F

def main():
    net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
    net.to("cuda", dtype=torch.float16)  # <-- pure-fp16-training
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for x, y in train_loader:
        opt.zero_grad()
        F.cross_entropy(net(x.half()), y).backward()
        opt.step()


main()
