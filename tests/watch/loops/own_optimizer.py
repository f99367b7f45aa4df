"""An optimizer of the person's own, with a loss of their own."""
from setting import *


class SignSGD(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= group["lr"] * p.grad.sign()


focal = lambda logits, y: ((1 - F.softmax(logits, 1)[range(len(y)), y]) ** 2 * F.cross_entropy(logits, y, reduction="none")).mean()
model = net().double()
mine = SignSGD(model.parameters(), lr=1e-3)
for xb, yb in train_loader:
    for p in model.parameters():
        p.grad = None
    loss = focal(model(xb.double()), yb)
    torch.autograd.backward(loss)
    mine.step()
    expect("mine", loss)
trained(model)
