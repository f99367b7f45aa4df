"""Set a learning rate by hand, also under a scheduler."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def set_learning_rate(optimizer: Any, scheduler: Any, lr: float) -> float:
    """Set every group's rate and return the first group's rate before.

    A scheduler goes on with its shape from the new height: the rates it computes from (`base_lrs`, a
    CyclicLR's `max_lrs`, a OneCycleLR's numbers in the groups; those of schedulers within it too) are scaled
    by the same factor, group by group. A rate of 0 has no factor: the height itself is set then.
    """
    groups = optimizer.param_groups
    before = [float(group["lr"]) for group in groups]  # device sync where it is a tensor: by hand, rare
    factors = [lr / rate if rate > 0 and lr > 0 else None for rate in before]
    for group, factor in zip(groups, factors, strict=True):
        for name in ("initial_lr", "max_lr", "min_lr"):
            if factor is not None and isinstance(group.get(name), (int, float)):
                group[name] *= factor
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr
    _scale(scheduler, factors, lr)
    return before[0]


def _scale(scheduler: Any, factors: list[float | None], lr: float) -> None:
    for name in ("base_lrs", "max_lrs"):
        rates = getattr(scheduler, name, None)
        if isinstance(rates, list) and len(rates) == len(factors):
            scaled = [
                rate * factor if factor is not None else (lr or rate)
                for rate, factor in zip(rates, factors, strict=True)
            ]
            setattr(scheduler, name, scaled)
    for inner in getattr(scheduler, "_schedulers", ()):
        _scale(inner, factors, lr)
