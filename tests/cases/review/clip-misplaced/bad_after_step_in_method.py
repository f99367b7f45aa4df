import torch
from torch import nn
import torch.nn.functional as F

class Learner:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.AdamW(net.parameters(), lr=3e-4)

    def learn(self, batch):
        x, y = batch
        self.opt.zero_grad()
        loss = F.cross_entropy(self.net(x), y)
        loss.backward()
        self.opt.step()
        torch.nn.utils.clip_grad_value_(self.net.parameters(), 0.5)  # <-- clip-misplaced


learner = Learner(nn.Linear(8, 3))
for batch in train_loader:
    learner.learn(batch)
