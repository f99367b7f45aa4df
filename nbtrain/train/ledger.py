"""Which models this kernel has trained already, so that a cell run twice is said, not guessed at."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from torch import nn

_epochs: WeakKeyDictionary[nn.Module, list[tuple[str, int, int]]] = WeakKeyDictionary()


def note(model: nn.Module, run_id: str, *, epochs: int, steps: int) -> None:
    """Remember that a run trained this model."""
    if steps:
        _epochs.setdefault(model, []).append((run_id, epochs, steps))


def trained(model: nn.Module) -> str | None:
    """Say what this kernel has trained the model for, None when nothing."""
    entries = _epochs.get(model)
    if not entries:
        return None
    return "; ".join(f"{epochs} epochs ({steps:,} steps) in {run_id}" for run_id, epochs, steps in entries)
