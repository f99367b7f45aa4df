"""Which models this kernel has trained already, so that a cell run twice is said, not guessed at."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from torch import nn

_runs: WeakKeyDictionary[nn.Module, list[tuple[str, int, int]]] = WeakKeyDictionary()


def note(model: nn.Module, run_id: str, *, epochs: int, steps: int) -> None:
    """Remember that a run trained this model.

    Args:
        epochs: whole ones. steps: since the run's very beginning; a resumed run takes its own place.
    """
    if steps:
        others = [one for one in _runs.get(model, ()) if one[0] != run_id]
        _runs[model] = [*others, (run_id, epochs, steps)]


def trained(model: nn.Module) -> str | None:
    """Say what this kernel has trained the model for, None when nothing."""
    entries = _runs.get(model)
    if not entries:
        return None
    epochs, steps = sum(entry[1] for entry in entries), sum(entry[2] for entry in entries)
    where = entries[-1][0] if len(entries) == 1 else f"{len(entries)} runs, the last of them {entries[-1][0]}"
    amount = f"{_counted(epochs, 'epoch')} ({_counted(steps, 'step')})" if epochs else _counted(steps, "step")
    return f"{amount} in {where}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
