"""Set a learning rate by hand, also under a scheduler."""

from __future__ import annotations

from typing import Any


def set_learning_rate(optimizer: Any, scheduler: Any, lr: float) -> float:
    """Set every group's rate and return the first group's rate before.

    A scheduler goes on with its shape from the new height: its base rates are scaled by the same factor, as
    far as it has any (`base_lrs`, and `max_lrs` of a OneCycleLR's groups).
    """
    before = float(optimizer.param_groups[0]["lr"])
    factor = lr / before if before else None
    for group in optimizer.param_groups:
        if factor is not None:
            for name in ("initial_lr", "max_lr", "min_lr"):
                if isinstance(group.get(name), (int, float)):
                    group[name] *= factor
        group["lr"] = lr
    if factor is not None and isinstance(getattr(scheduler, "base_lrs", None), list):
        scheduler.base_lrs = [base * factor for base in scheduler.base_lrs]
    return before
