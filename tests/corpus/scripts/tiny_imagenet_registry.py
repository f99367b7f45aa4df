"""Registry driven training: models, optimizers, schedules are picked by name from a table."""
import functools
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

MODELS, OPTIMIZERS, SCHEDULES = {}, {}, {}

def register(table, name):
    def deco(fn):
        table[name] = fn
        return fn
    return deco

@register(MODELS, "cnn")
def cnn(classes=5, width=16):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, width * 2, 3, padding=1), nn.BatchNorm2d(width * 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width * 2, classes))

@register(OPTIMIZERS, "sgd")
def sgd(params, lr=0.05):
    return torch.optim.SGD(params, lr=lr, momentum=0.9, weight_decay=5e-4)

@register(OPTIMIZERS, "adamw")
def adamw(params, lr=1e-3):
    return torch.optim.AdamW(params, lr=lr)

@register(SCHEDULES, "cosine")
def cosine(opt, epochs):
    return torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=epochs)

class Hooks(list):
    def fire(self, event, **kw):
        for h in self:
            getattr(h, event, lambda **_: None)(**kw)

class BestKeeper:
    def __init__(self):
        self.score, self.state = -1.0, None
    def after_eval(self, model, acc, **_):
        if acc > self.score:
            self.score = acc
            self.state = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}

def run(model="cnn", optimizer="sgd", schedule="cosine", epochs=6, batch=64, seed=0):
    torch.manual_seed(seed)
    y = torch.randint(0, 5, (1000,)); x = torch.randn(1000, 3, 12, 12) + y.view(-1, 1, 1, 1) * 0.3
    train = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=batch, shuffle=True)
    val = DataLoader(TensorDataset(x[800:], y[800:]), batch_size=200)
    net = MODELS[model]()
    opt = OPTIMIZERS[optimizer](net.parameters())
    sched = SCHEDULES[schedule](opt, epochs)
    keeper = BestKeeper()
    hooks = Hooks([keeper])
    loss_fn = functools.partial(nn.functional.cross_entropy, label_smoothing=0.05)
    for epoch in range(epochs):
        net.train()
        for xb, yb in train:
            opt.zero_grad()
            loss_fn(net(xb), yb).backward()
            opt.step()
        sched.step()
        net.eval()
        with torch.no_grad():
            acc = sum((net(a).argmax(1) == b).sum().item() for a, b in val) / 200
        hooks.fire("after_eval", model=net, acc=acc)
        print(epoch, acc)
    net.load_state_dict(keeper.state)
    return net

if __name__ == "__main__":
    run()
