"""Pseudo-labelling in rounds; helpers in one file, `fit` is shared."""
import copy
from typing import Callable, Iterable, Optional
import torch
from torch import Tensor, nn, optim
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

def fit(net: nn.Module, batches: Iterable, opt: optim.Optimizer, loss_fn: Callable, n_epochs: int,
        on_epoch: Optional[Callable[[int, float], None]] = None, sched=None) -> nn.Module:
    for e in range(n_epochs):
        net.train()
        acc = 0.0
        for xb, yb in batches:
            opt.zero_grad(set_to_none=True)
            out = net(xb)
            l = loss_fn(out, yb)
            l.backward()
            opt.step()
            acc += l.item()
        if sched is not None:
            sched.step()
        if on_epoch:
            on_epoch(e, acc / len(batches))
    return net

@torch.no_grad()
def predict(net: nn.Module, x: Tensor, bs: int = 256) -> Tensor:
    net.eval()
    return torch.cat([net(c).softmax(-1) for c in x.split(bs)])

def soft_ce(logits: Tensor, target: Tensor) -> Tensor:
    return -(target * logits.log_softmax(-1)).sum(-1).mean()

def build(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(16, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.3), nn.Linear(width, 4))

def main():
    torch.manual_seed(2)
    y = torch.randint(0, 4, (2000,)); x = torch.randn(2000, 16) + nn.functional.one_hot(y, 16) * 1.5
    xl, yl, xu, xt, yt = x[:200], y[:200], x[200:1600], x[1600:], y[1600:]
    hard = nn.functional.one_hot(yl, 4).float()
    labelled = TensorDataset(xl, hard)
    teacher = build(64)
    fit(teacher, DataLoader(labelled, 50, shuffle=True), optim.AdamW(teacher.parameters(), 2e-3), soft_ce, 10)
    for rnd in range(2):
        pseudo = predict(teacher, xu)
        keep = pseudo.max(-1).values > 0.8
        mixed = ConcatDataset([labelled, TensorDataset(xu[keep], pseudo[keep])])
        student = build(64 * (rnd + 2))
        opt = optim.AdamW(student.parameters(), lr=1e-3, weight_decay=1e-3)
        fit(student, DataLoader(mixed, batch_size=64, drop_last=True), opt, soft_ce, 10,
            on_epoch=lambda e, l: e % 5 == 0 and print(rnd, e, round(l, 3)),
            sched=optim.lr_scheduler.CosineAnnealingLR(opt, 10))
        print("test", (predict(student, xt).argmax(-1) == yt).float().mean().item())
        teacher = copy.deepcopy(student)

if __name__ == "__main__":
    main()
