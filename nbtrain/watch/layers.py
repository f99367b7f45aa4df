"""Gradient norms and update ratios of the layers of a followed model, sampled now and then."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor

from nbtrain.telemetry.layers import LayerSample, LayerSampler
from nbtrain.watch.found import Found


class Layers:
    """Sample the layers of the model that one optimizer trains; of a loop with several, the first one's.

    Args:
        found: knows the model.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._optimizer: weakref.ref[Any] | None = None
        self._sampler: LayerSampler | None = None
        self._norms: dict[Tensor, Tensor] | None = None  # of the step under way, when it is sampled

    def begin(self, optimizer: Any) -> None:
        """An optimizer has stepped for the first time, and its model is known."""
        known = self._optimizer() if self._optimizer is not None else None
        model = self._found.model_now
        if known is not None or model is None:
            return
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        named = [(name, p) for name, p in model.named_parameters() if id(p) in held and p.requires_grad]
        if named and not any(p.is_meta or p.is_sparse for _, p in named):
            self._optimizer, self._sampler = weakref.ref(optimizer), LayerSampler(named)

    def before(self, optimizer: Any, now: float) -> None:
        """A step is about to be made; `now` in seconds."""
        sampler = self._sampler
        if sampler is None or not sampler.due(now) or self._optimizer() is not optimizer:
            return
        owners = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not owners or any(p.grad.is_sparse for p in owners):
            return
        with torch.no_grad():
            norms = torch._foreach_norm([p.grad for p in owners])
        self._norms = dict(zip(owners, norms, strict=True))
        sampler.before_update()

    def after(self, step: int, now: float) -> None:
        """The step was made."""
        if self._norms is not None:
            norms, self._norms = self._norms, None
            with torch.no_grad():
                self._sampler.after_update(step, norms, now)

    def take(self) -> LayerSample | None:
        """Return the newest sample that has reached the host. Called by the pump."""
        return self._sampler.take() if self._sampler is not None else None
