"""A GradScaler's part in a followed loop: its factor is taken out of losses, steps it skips count.

A stop waits until the scaler was updated: a scaler left between `step` and `update` refuses its next
    `unscale_`, and the same cell could not be run again.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor

MOST_SCALED = 16


class Scaling:
    """What GradScalers did since the last backward and step."""

    def __init__(self) -> None:
        self._scaled: list[tuple[weakref.ref[Tensor], Tensor]] = []  # a scaled value, what it was before
        self._factor: Any = None  # of the scaler that scaled last
        self.used = False
        self.stepping: Any = None  # the optimizer that a scaler is about to step
        self.was_stepped = False  # by its own hooks, within the scaler's step
        self.update_due = False

    def scaled(self, scaler: Any, outputs: Any, result: Any) -> None:
        """Take note of `result = scaler.scale(outputs)`."""
        if not scaler.is_enabled():
            return
        self.used = True
        self._factor = scaler._scale
        pairs = [(outputs, result)] if isinstance(outputs, Tensor) else zip(outputs, result, strict=False)
        for before, after in pairs:
            if isinstance(before, Tensor):
                self._scaled.append((weakref.ref(after), before.detach()))
        del self._scaled[:-MOST_SCALED]

    def before_scaling(self, value: Tensor) -> Tensor | None:
        """Return what a value was before it was scaled; None for a value that no scaler has touched."""
        return next((before for after, before in self._scaled if after() is value), None)

    def unscaled(self, value: Tensor) -> Tensor:
        """Return a value, detached, without a scaler's factor in it."""
        before = self.before_scaling(value)
        if before is None and self._factor is not None and self._scaled:  # scaled, then divided by hand
            return value.detach() / self._factor.to(value.device, non_blocking=True)
        return value.detach() if before is None else before

    def forget(self) -> None:
        """The values were used in a backward."""
        self._scaled.clear()


def factor_at_step(optimizer: Any) -> Tensor | None:
    """Return what an optimizer's gradients are still multiplied with when it steps, None for nothing.

    Fused optimizers take a scaler's factor out themselves, within the step.
    """
    factor = getattr(optimizer, "grad_scale", None)
    return factor if isinstance(factor, torch.Tensor) else None
