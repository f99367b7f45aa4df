"""Train a small model on real data and write down what a run writes down: a row an epoch, a row a step.

The one place where the runs of this folder are trained; a case only says what is different about it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch import nn

from nbtrain.diagnose.history import Hints, History, history_of_rows

Split = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]  # train x, y, validation x, y
LOADERS = {"digits": load_digits, "cancer": load_breast_cancer, "wine": load_wine, "diabetes": load_diabetes}


@cache
def data(name: str, seed: int = 0) -> Split:
    """Return a data set of scikit-learn, standardised, a quarter put aside."""
    x, y = LOADERS[name](return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order], y[order]
    cut = int(0.75 * len(x))
    mean, deviation = x[:cut].mean(0), x[:cut].std(0) + 1e-6
    x = ((x - mean) / deviation).astype(np.float32)
    if name == "diabetes":
        y = ((y - y[:cut].mean()) / y[:cut].std()).astype(np.float32)[:, None]
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    return tensors[0][:cut], tensors[1][:cut], tensors[0][cut:], tensors[1][cut:]


def mlp(
    *widths: int, activation: type[nn.Module] = nn.ReLU, dropout: float = 0.0, norm: bool = False
) -> nn.Sequential:
    """Return a multilayer perceptron; its widths from input to output."""
    parts: list[nn.Module] = []
    for at, (a, b) in enumerate(itertools.pairwise(widths)):
        parts.append(nn.Linear(a, b))
        if at < len(widths) - 2:
            parts += [nn.BatchNorm1d(b)] if norm else []
            parts += [activation()] + ([nn.Dropout(dropout)] if dropout else [])
    return nn.Sequential(*parts)


@dataclass
class Setting:
    """How a run is trained. Everything that a fault can be planted in is a field."""

    split: Split
    model: Callable[[], nn.Module]
    epochs: int = 25
    batch: int = 64
    lr: float = 1e-3
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW
    options: dict[str, Any] = field(default_factory=dict)
    schedule: Callable[[int, int], float] = lambda step, steps: 1.0  # step, steps -> share of lr
    accuracy: bool = True
    classes_apart: bool = False
    augment: Callable[[torch.Tensor], torch.Tensor] = lambda x: x
    extra: dict[str, Callable[[int], float]] = field(default_factory=dict)  # columns no CPU run can measure
    prepare: Callable[[nn.Module], Any] = lambda model: None
    seed: int = 0


def train(setting: Setting, *, name: str) -> History:
    """Train and return the history. On one thread: models this small wait for others most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _train(setting, name)
    finally:
        torch.set_num_threads(threads)


def _train(setting: Setting, name: str) -> History:
    torch.manual_seed(setting.seed)
    x, y, vx, _ = setting.split
    model = setting.model()
    setting.prepare(model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = setting.optimizer(trained, lr=setting.lr, **setting.options)
    criterion: nn.Module = nn.CrossEntropyLoss() if y.dtype == torch.int64 else nn.MSELoss()
    a_pass = -(-len(x) // setting.batch)
    rows, steps = [], []
    order = torch.Generator().manual_seed(setting.seed)
    for epoch in range(1, setting.epochs + 1):
        model.train()
        losses, norms, hits, layers = [], [], 0, {}
        for picked in torch.randperm(len(x), generator=order).split(setting.batch):
            share = setting.schedule(len(steps), a_pass * setting.epochs)
            optimizer.param_groups[0]["lr"] = setting.lr * share
            output = model(setting.augment(x[picked]))
            loss = criterion(output, y[picked])
            optimizer.zero_grad()
            loss.backward()
            named = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
            by_layer = torch.stack(torch._foreach_norm(list(named.values()))).tolist()
            norm, value = math.sqrt(sum(one**2 for one in by_layer)), loss.item()
            optimizer.step()
            losses.append(value)
            norms.append(norm)
            for key, one in zip(named, by_layer, strict=True):
                layers.setdefault(key, []).append(one)
            hits += int((output.argmax(1) == y[picked]).sum()) if y.dtype == torch.int64 else 0
            steps.append({"train_loss": value, "grad_norm": norm, "lr": setting.lr * share})
        row: dict[str, Any] = {
            "epoch": epoch, "step": len(steps), "train_loss": float(np.mean(losses)),
            "lr": setting.lr * share, "grad_norm": float(np.mean(norms)),
            "layer_grad_norms": {key: float(np.mean(values)) for key, values in layers.items()},
        }  # fmt: skip
        if setting.accuracy and y.dtype == torch.int64:
            row["train_acc"] = hits / len(x)
        row |= {name: column(epoch) for name, column in setting.extra.items()}
        rows.append(row | _validate(setting, model, criterion))
    table = pd.DataFrame(steps, index=pd.RangeIndex(1, len(steps) + 1, name="step"))
    hints = Hints(batch_size=setting.batch, val_samples=len(vx), optimizer=type(optimizer).__name__)
    return history_of_rows(rows, name=name, source="a run of this test", steps=table, hints=hints)


@torch.no_grad()
def _validate(setting: Setting, model: nn.Module, criterion: nn.Module) -> dict[str, Any]:
    _, _, vx, vy = setting.split
    model.eval()
    output = model(vx)
    told: dict[str, Any] = {"val_loss": float(criterion(output, vy))}
    if setting.accuracy and vy.dtype == torch.int64:
        right = output.argmax(1) == vy
        told["val_acc"] = float(right.float().mean())
        if setting.classes_apart:
            told["per_class_acc"] = {
                str(int(one)): float(right[vy == one].float().mean()) for one in vy.unique()
            }
    return told
