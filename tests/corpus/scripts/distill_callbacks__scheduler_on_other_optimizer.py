"""Knowledge distillation with a home-made Trainer and callbacks. Runs on synthetic data."""
import time
from collections import defaultdict

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Callback:
    def on_epoch_begin(self, trainer): ...
    def on_epoch_end(self, trainer, logs): ...
    def on_fit_end(self, trainer): ...


class Timer(Callback):
    def on_epoch_begin(self, trainer):
        self.t0 = time.perf_counter()

    def on_epoch_end(self, trainer, logs):
        logs["sec"] = round(time.perf_counter() - self.t0, 2)


class PrintLog(Callback):
    def on_epoch_end(self, trainer, logs):
        print(trainer.epoch, " ".join(f"{k}={v:.4g}" for k, v in logs.items()))


class SaveBest(Callback):
    def __init__(self, key="val_acc", path="/tmp/student.pt"):
        self.key, self.path, self.best = key, path, float("-inf")

    def on_epoch_end(self, trainer, logs):
        if logs[self.key] > self.best:
            self.best = logs[self.key]
            torch.save(trainer.student.state_dict(), self.path)


class SchedulerCallback(Callback):
    def __init__(self, scheduler):
        self.scheduler = scheduler

    def on_epoch_end(self, trainer, logs):
        self.scheduler.step()
        logs["lr"] = self.scheduler.get_last_lr()[0]


class Distiller:
    def __init__(self, teacher, student, optimizer, temperature=4.0, alpha=0.7, callbacks=(), device="cpu"):
        self.teacher = teacher.to(device).eval()
        for p in self.teacher.parameters():
            p.requires_grad_(False)
        self.student = student.to(device)
        self.optimizer, self.T, self.alpha = optimizer, temperature, alpha
        self.callbacks, self.device, self.epoch = list(callbacks), device, 0

    def _call(self, hook, *args):
        for cb in self.callbacks:
            getattr(cb, hook)(self, *args)

    def kd_loss(self, s_logits, t_logits, y):
        soft = F.kl_div(F.log_softmax(s_logits / self.T, dim=1), F.softmax(t_logits / self.T, dim=1),
                        reduction="batchmean") * self.T ** 2
        return self.alpha * soft + (1 - self.alpha) * F.cross_entropy(s_logits, y)

    def train_step(self, x, y):
        with torch.no_grad():
            t_logits = self.teacher(x)
        s_logits = self.student(x)
        loss = self.kd_loss(s_logits, t_logits, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def evaluate(self, loader):
        self.student.eval()
        n = hit = 0
        for x, y in loader:
            x, y = x.to(self.device), y.to(self.device)
            hit += (self.student(x).argmax(1) == y).sum().item()
            n += y.numel()
        return {"val_acc": hit / n}

    def fit(self, train_loader, val_loader, epochs):
        for self.epoch in range(epochs):
            self._call("on_epoch_begin")
            self.student.train()
            logs = defaultdict(float)
            for x, y in train_loader:
                logs["loss"] += self.train_step(x.to(self.device), y.to(self.device)) / len(train_loader)
            logs.update(self.evaluate(val_loader))
            self._call("on_epoch_end", logs)
        self._call("on_fit_end")


def convnet(width, depth):
    layers, c = [], 1
    for _ in range(depth):
        layers += [nn.Conv2d(c, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 5))


if __name__ == "__main__":
    torch.manual_seed(0)
    y = torch.randint(0, 5, (1000,))
    x = torch.randn(1000, 1, 16, 16) + y.view(-1, 1, 1, 1) * 0.4 - 0.8
    train_dl = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=64, shuffle=True)
    val_dl = DataLoader(TensorDataset(x[800:], y[800:]), batch_size=200)
    teacher, student = convnet(32, 3), convnet(8, 2)
    warm = torch.optim.AdamW(teacher.parameters(), lr=1e-3)
    teacher.train()
    for _ in range(3):
        for xb, yb in train_dl:
            warm.zero_grad()
            F.cross_entropy(teacher(xb), yb).backward()
            warm.step()
    optimizer = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.MultiStepLR(warm, milestones=[4, 6], gamma=0.2)
    Distiller(teacher, student, optimizer,
              callbacks=[Timer(), SchedulerCallback(sched), PrintLog(), SaveBest()]).fit(train_dl, val_dl, 8)
