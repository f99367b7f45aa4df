"""A sharpness-aware double step around a base optimizer."""
from setting import *


class SAM(torch.optim.Optimizer):
    def __init__(self, params, base, rho=0.05, **kw):
        super().__init__(params, dict(rho=rho, **kw))
        self.base_optimizer = base(self.param_groups, **kw)
        self.param_groups = self.base_optimizer.param_groups

    @torch.no_grad()
    def first_step(self, zero_grad=False):
        norm = torch.norm(torch.stack([p.grad.norm() for g in self.param_groups for p in g["params"]]))
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["old"] = p.data.clone()
                p.add_(p.grad * 0.05 / (norm + 1e-12))
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def second_step(self, zero_grad=False):
        for group in self.param_groups:
            for p in group["params"]:
                p.data = self.state[p]["old"]
        self.base_optimizer.step()
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def step(self, closure=None):
        closure = torch.enable_grad()(closure)
        self.first_step(zero_grad=True)
        closure()
        self.second_step()


model = net()
optimizer = SAM(model.parameters(), torch.optim.SGD, lr=0.1)
for xb, yb in train_loader:
    first = F.cross_entropy(model(xb), yb)
    first.backward()
    optimizer.first_step(zero_grad=True)
    second = F.cross_entropy(model(xb), yb)
    second.backward()
    optimizer.second_step(zero_grad=True)
    expect("optimizer", (first.item() + second.item()) / 2, backwards=2)
for xb, yb in train_loader:
    both = []

    def closure():
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        both.append(loss.item())
        return loss

    closure()
    optimizer.step(closure)
    optimizer.zero_grad()
    expect("optimizer", sum(both) / 2, backwards=2)
trained(model)
