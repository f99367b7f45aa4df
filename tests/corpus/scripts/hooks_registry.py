from __future__ import annotations
import abc, logging
from collections.abc import Callable, Iterable
import torch
from torch import nn

log = logging.getLogger(__name__)
LOSSES: dict[str, Callable[[], nn.Module]] = {"ce": nn.CrossEntropyLoss, "mse": nn.MSELoss}


class Hook(abc.ABC):
    def before_step(self, t: "Loop") -> None: ...
    def after_epoch(self, t: "Loop") -> None: ...


class Clip(Hook):
    def __init__(self, norm): self.norm = norm
    def before_step(self, t): nn.utils.clip_grad_norm_(t.model.parameters(), self.norm)


class Schedule(Hook):
    def __init__(self, sched): self.sched = sched
    def after_epoch(self, t): self.sched.step()


class Save(Hook):
    def after_epoch(self, t): torch.save({"m": t.model.state_dict(), "o": t.opt.state_dict()}, "last.pt")


class Loop:
    def __init__(self, model: nn.Module, opt, loss: str, hooks: Iterable[Hook] = ()):
        self.model, self.opt, self.loss, self.hooks = model, opt, LOSSES[loss](), list(hooks)

    def emit(self, name): [getattr(h, name)(self) for h in self.hooks]

    def epoch(self, loader):
        self.model.train()
        for x, y in loader:
            self.opt.zero_grad()
            loss = self.loss(self.model(x), y)
            loss.backward()
            self.emit("before_step")
            self.opt.step()
        self.emit("after_epoch")

    @torch.no_grad()
    def score(self, loader):
        self.model.eval()
        return sum((self.model(x).argmax(1) == y).float().sum().item() for x, y in loader) / len(loader.dataset)

    def fit(self, train, val, epochs):
        for e in range(epochs):
            self.epoch(train)
            log.info("%d %.3f", e, self.score(val))


def build(train, val):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(20000, 128), nn.TransformerEncoder(nn.TransformerEncoderLayer(128, 4, batch_first=True), 2), nn.Flatten(), nn.LazyLinear(4))
    opt = torch.optim.AdamW(model.parameters(), lr=2e-4)
    sched = torch.optim.lr_scheduler.SequentialLR(opt, [torch.optim.lr_scheduler.LinearLR(opt, 0.1, total_iters=3), torch.optim.lr_scheduler.CosineAnnealingLR(opt, 37)], [3])
    Loop(model, opt, "ce", [Clip(1.0), Schedule(sched), Save()]).fit(train, val, 40)
