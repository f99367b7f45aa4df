"""Which models this kernel has trained, in which cells, so that a cell run twice is said, not guessed at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Entry:
    """One run that trained a model. `epochs`: whole ones; `cell`: number of the notebook's cell, or None."""

    run_id: str
    epochs: int
    steps: int
    cell: int | None = None


_runs: WeakKeyDictionary[nn.Module, list[Entry]] = WeakKeyDictionary()
_cells: dict[str, int] = {}  # run id -> the cell that started it


def started(run_id: str, cell: int | None) -> None:
    """Remember which cell a run was made in."""
    if cell is not None:
        _cells[run_id] = cell


def note(model: nn.Module, run_id: str, *, epochs: int, steps: int) -> None:
    """Remember that a run trained this model.

    Args:
        epochs: whole ones. steps: since the run's very beginning; a resumed run takes its own place.
    """
    if steps:
        others = [one for one in _runs.get(model, ()) if one.run_id != run_id]
        _runs[model] = [*others, Entry(run_id, epochs, steps)]


def entries(model: nn.Module) -> tuple[Entry, ...]:
    """Return the runs of this kernel that trained a model, oldest first."""
    return tuple(replace(one, cell=_cells.get(one.run_id)) for one in _runs.get(model, ()))


def trained(model: nn.Module) -> str | None:
    """Say what this kernel has trained the model for and where, None when nothing."""
    held = entries(model)
    if not held:
        return None
    epochs, steps = sum(one.epochs for one in held), sum(one.steps for one in held)
    amount = f"{_counted(epochs, 'epoch')} ({_counted(steps, 'step')})" if epochs else _counted(steps, "step")
    return f"{amount} in {_where(held)}"


def _where(held: tuple[Entry, ...]) -> str:
    """The cells where all are known, else the runs."""
    cells = list(dict.fromkeys(one.cell for one in held))
    if None not in cells:
        return ("cell " if len(cells) == 1 else "cells ") + ", ".join(f"[{cell}]" for cell in cells)
    last = held[-1].run_id
    return last if len(held) == 1 else f"{len(held)} runs, the last of them {last}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
