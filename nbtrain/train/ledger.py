"""Which models this kernel has trained already, so that a cell run twice is said, not guessed at."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from torch import nn

_runs: WeakKeyDictionary[nn.Module, list[tuple[str, int, int]]] = WeakKeyDictionary()


def note(model: nn.Module, run_id: str, *, epochs: int, steps: int) -> None:
    """Remember that a run trained this model."""
    if steps:
        _runs.setdefault(model, []).append((run_id, epochs, steps))


def trained(model: nn.Module) -> str | None:
    """Say what this kernel has trained the model for, None when nothing."""
    entries = _runs.get(model)
    if not entries:
        return None
    return "; ".join(f"{_counted(epochs, 'epoch')} ({_counted(steps, 'step')}) in {run_id}"
                     for run_id, epochs, steps in entries)  # fmt: skip


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
