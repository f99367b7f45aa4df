import torch
from torch import nn
import torch.nn.functional as F

def main(args):
    net = nn.Linear(8, 3)
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net.cuda()  # <-- optimizer-before-model-moved
    for x, y in train_loader:
        opt.zero_grad()
        F.cross_entropy(net(x.cuda()), y.cuda()).backward()
        opt.step()


main(None)
