"""Set a learning rate by hand, also under a scheduler and with several groups."""

from __future__ import annotations

from numbers import Real
from typing import Any

from torch import Tensor

from nbtrain.errors import UsageError

# What schedulers compute later rates from: in the groups, and lists with one number a group in themselves.
_IN_GROUPS = ("initial_lr", "max_lr", "min_lr", "swa_lr")
_IN_SCHEDULERS = ("base_lrs", "max_lrs")


def check_learning_rate(lr: Any) -> float:
    """Return a learning rate as a float.

    Raises:
        UsageError: it is no number, negative, or not finite.
    """
    if isinstance(lr, bool) or not isinstance(lr, Real) or not 0 <= lr < float("inf"):
        raise UsageError(
            f"The learning rate is {lr!r}; it must be a number, 0 or more.", suggestion="run.set_lr(1e-4)"
        )
    return float(lr)


def current_learning_rate(optimizer: Any) -> float:
    """Return the first group's rate, the one that is shown."""
    return float(optimizer.param_groups[0]["lr"])  # device sync where it is a tensor: by hand, rare


def set_learning_rate(optimizer: Any, scheduler: Any, lr: float) -> float:
    """Set the first group's rate, the others in their ratio to it; return the first group's rate before.

    A scheduler goes on with its shape from the new height: the rates it computes from (`base_lrs`, a
    CyclicLR's `max_lrs`, a OneCycleLR's numbers in the groups; those of schedulers within it too) are scaled
    by the same factor. Where the first rate is 0 there is no factor: the groups stand to each other as
    the rates they began with, and the height itself is set.
    """
    groups = optimizer.param_groups
    before = [float(group["lr"]) for group in groups]  # device sync where it is a tensor: by hand, rare
    factor = lr / before[0] if before[0] > 0 and lr > 0 else None
    shares = _shares(groups, before)
    for group, rate, share in zip(groups, before, shares, strict=True):
        for name in _IN_GROUPS:
            if isinstance(group.get(name), (int, float)):
                group[name] = _scaled(group[name], factor, lr * share)
        wanted = rate * factor if factor is not None else lr * share
        if group is groups[0]:
            wanted = lr  # as asked, to the last bit
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(wanted)
        else:
            group["lr"] = wanted
    _scale(scheduler, factor, [lr * share for share in shares])
    return before[0]


def _shares(groups: list[dict[str, Any]], rates: list[float]) -> list[float]:
    """Each group's rate as a multiple of the first group's; told by where they began when that is 0 now."""
    for known in (rates, [float(group.get("initial_lr") or 0) for group in groups]):
        if known[0] > 0:
            return [rate / known[0] for rate in known]
    return [1.0] * len(groups)


def _scaled(value: Any, factor: float | None, height: float) -> Any:
    return value * factor if factor is not None else (height or value)


def _scale(scheduler: Any, factor: float | None, heights: list[float]) -> None:
    for name in _IN_SCHEDULERS:
        rates = getattr(scheduler, name, None)
        if isinstance(rates, list) and len(rates) == len(heights):
            pairs = zip(rates, heights, strict=True)
            setattr(scheduler, name, [_scaled(rate, factor, height) for rate, height in pairs])
    for inner in getattr(scheduler, "_schedulers", ()):
        _scale(inner, factor, heights)
