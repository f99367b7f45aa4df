"""Where a run was best by its validation loss, and the line of code that gives those weights."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbtrain.diagnose.pictures import numbers
from nbtrain.diagnose.still import still


@dataclass(frozen=True)
class Best:
    """The best validation.

    Attributes:
        loss: its validation loss. step, epoch: where; None where unknown.
        epochs_after: epochs that ended later.
        use: a sentence that says how to have these weights; empty where they were not kept.
        held_by: the notebook's name of the model that has them already; else empty.
    """

    loss: float
    step: int | None = None
    epoch: int | None = None
    epochs_after: int = 0
    use: str = ""
    held_by: str = ""


def find_best(run: Any) -> Best | None:
    """Return the best validation of a run, live or stored; None without validation."""
    run = still(run)
    loss, step = _best(run)
    if loss is None:
        return None
    ends = numbers(run.epochs, "step")
    after = int((ends > step).sum()) if step is not None else 0
    settings = getattr(run.manifest, "hyperparameters", None) or {}
    name = (settings.get("model") or {}).get("variable") or "model"
    held = getattr(getattr(run, "objects", None), "model", None) is not None and step == run.progress.step
    return Best(loss, step, _epoch_at(run, step), after, _use(run, step, name), name if held else "")


def place(path: str | Path) -> str:
    """Return a path as it can be used in this notebook: from the working folder where it lies inside."""
    with suppress(ValueError, OSError):  # elsewhere, or the working folder is gone
        return str(Path(path).relative_to(Path.cwd()))
    return str(path)


def _best(run: Any) -> tuple[float | None, int | None]:
    """Return the best validation loss and its step: what the run says, else what its epochs say."""
    loss, step = run.latest.get("best_val_loss"), run.latest.get("best_val_step")
    if loss is not None and math.isfinite(loss):
        return float(loss), int(step) if step is not None and math.isfinite(step) and step > 0 else None
    values = numbers(run.epochs, "val_loss")
    held = np.flatnonzero(np.isfinite(values))
    if len(held) == 0:
        return None, None
    at = held[int(np.argmin(values[held]))]
    steps = numbers(run.epochs, "step")
    return float(values[at]), int(steps[at]) if np.isfinite(steps[at]) else None


def _epoch_at(run: Any, step: int | None) -> int | None:
    """Return the epoch a step belongs to: the first that ends with it or later."""
    if step is None:
        return None
    ends, names = numbers(run.epochs, "step"), numbers(run.epochs, "epoch")
    later = np.flatnonzero((ends >= step) & np.isfinite(names))
    return int(names[later[0]]) if len(later) else None


def _use(run: Any, step: int | None, name: str) -> str:
    if step is None or run.dir is None:
        return ""
    if not (run.dir / "checkpoints" / f"step-{step:08d}").is_dir():
        return ""
    return f"`nbtrain.load_run({place(run.dir)!r}).load_best({name})` puts these weights into `{name}`."
