"""Moves of a model that trains: `.to()`, `.half()`, `.cpu()` in a cell wait for a step boundary.

torch gives each parameter another storage then. Under a step at work that is memory pulled away: the kernel
crashes, or weights are written over. At a boundary the model is moved whole; what becomes of the run is its
affair, and is told.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

from torch import nn

from nbtrain.running.guards.holding import held

HOLD_SECONDS = 10.0  # for a boundary; a step that takes longer is moved under

_original = nn.Module._apply
_living: list[Any] = []  # executions
_here = threading.local()  # .training: this thread is a run's; .moving: it moves a model just now


def watch(execution: Any) -> None:
    """Have moves of what this run trains wait for its boundaries, until `unwatch`."""
    _living.append(execution)
    nn.Module._apply = _apply


def unwatch(execution: Any) -> None:
    """Let moves be what they were. Twice does nothing."""
    if execution in _living:
        _living.remove(execution)
    if not _living:
        nn.Module._apply = _original


def mark_training() -> None:
    """Take this thread for one that trains: it moves what it likes."""
    _here.training = True


def _apply(module: nn.Module, *args: Any, **options: Any) -> nn.Module:
    """In front of `nn.Module._apply`, which all moves go through."""
    if getattr(_here, "training", False) or getattr(_here, "moving", False):
        return _original(module, *args, **options)
    mine = {id(p) for p in module.parameters()}
    with ExitStack() as holding:
        for execution in list(_living):
            if any(id(p) in mine for p in execution.activity.objects.parameters):
                holding.enter_context(held(execution.control, HOLD_SECONDS))
        _here.moving = True
        try:
            return _original(module, *args, **options)
        finally:
            _here.moving = False
