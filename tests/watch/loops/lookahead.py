"""An optimizer that holds another and is none itself to torch; and one that calls its base class."""
from setting import *


class Lookahead:
    def __init__(self, base):
        self.optimizer, self.calls = base, 0
        self.param_groups = base.param_groups

    def zero_grad(self):
        self.optimizer.zero_grad()

    def step(self):
        self.optimizer.step()
        self.calls += 1


class Warm(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            group["lr"] = min(0.1, group["lr"] * 1.1)
        return super().step(closure)


plain_one = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)  # SGD.step itself is hooked from here on
model = net()
for opt in (Lookahead(torch.optim.Adam(model.parameters())), Warm(model.parameters(), lr=0.01)):
    for xb, yb in train_loader:
        opt.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        opt.step()
        expect(None, loss)
trained(model)
