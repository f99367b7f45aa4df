"""What a tracker is: somewhere the numbers of a run also go. Each is a file of `nbtrain.runs.trackers`.

A tracker lets its errors through: whoever calls it tells the person and lets the training go on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from nbtrain import registry
from nbtrain.errors import UsageError
from nbtrain.runs import trackers
from nbtrain.runs.status import RunStatus

if TYPE_CHECKING:
    from nbtrain.runs.store import RunFolder

BUILT_IN = "json"  # always on


@dataclass(frozen=True)
class RunInfo:
    """What a tracker is told of the run when it opens.

    Attributes:
        folder: the run's folder; its id and path are the run's.
        name: the run's name as the person gave it.
        config: the resolved options, JSON-ready.
        tags: words to find the run by.
        after_step: a resumed run goes on after this step; what was logged of later ones is done again.
    """

    folder: RunFolder
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    after_step: int | None = None


class Tracker(ABC):
    """One backend for the numbers of one run. Called by one thread at a time, in this order: `open`, any
    number of `log_steps`, `log_evaluation`, `log_epoch` and `flush`, `finish`."""

    id: ClassVar[str]
    also: ClassVar[tuple[str, ...]] = ()  # other names people use for it
    package: ClassVar[str | None] = None  # optional package it needs
    url: str | None = None  # where the person sees the run, once open

    @abstractmethod
    def open(self, info: RunInfo) -> None:
        """Start tracking a run.

        Raises:
            MissingExtra: the optional package is not installed.
            UserError: it cannot be used as it is set up; says what to do.
        """

    @abstractmethod
    def log_steps(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take step rows: {"step", "train_loss", "lr", ...}, in order."""

    @abstractmethod
    def log_epoch(self, row: Mapping[str, Any]) -> None:
        """Take an epoch's row of metrics.json."""

    @abstractmethod
    def log_evaluation(self, row: Mapping[str, Any]) -> None:
        """Take an evaluation of a run that validates within its epochs too, once the steps before it were
        given: {"step", "epoch", "val_loss", ...}. The one at an epoch's end is followed by that epoch's
            row."""

    def flush(self) -> None:  # noqa: B027 - most write at once
        """Write what was taken since the last call. Called after each round of rows."""

    @abstractmethod
    def finish(self, status: RunStatus) -> None:
        """End the tracking; everything given so far is written when this returns."""


def tracker_types() -> dict[str, type[Tracker]]:
    """Return the trackers by id, found by walking `nbtrain.runs.trackers`. Imports no optional package."""
    return {tracker.id: tracker for tracker in registry.units_of(trackers, "TRACKER", _problem)}


def open_trackers(names: Iterable[str], info: RunInfo) -> list[Tracker]:
    """Open the named trackers and, first, the built-in one. When one refuses, the others are finished.

    Raises:
        UsageError: no tracker has that name. MissingExtra, UserError: as `Tracker.open`.
    """
    types = tracker_types()
    known = {name: kind for kind in types.values() for name in (kind.id, *kind.also)}
    wanted = [types[BUILT_IN]]
    for name in names:
        if name not in known:
            raise UsageError(
                f"`{name}` is no logging backend.", suggestion=f"Allowed are {', '.join(sorted(known))}."
            )
        if known[name] not in wanted:
            wanted.append(known[name])
    opened: list[Tracker] = []
    try:
        for kind in wanted:
            tracker = kind()
            tracker.open(info)
            opened.append(tracker)
    except BaseException:
        for tracker in opened:
            tracker.finish(RunStatus.FAILED)
        raise
    return opened


def numbers(row: Mapping[str, Any], *, without: Iterable[str] = ("step", "epoch")) -> dict[str, float]:
    """Return the numeric values of a row, as floats; words, lists and absent values are left out."""
    left_out = set(without)
    return {
        key: float(value)
        for key, value in row.items()
        if key not in left_out and isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def thinned(rows: Sequence[Mapping[str, Any]], at_most: int) -> Sequence[Mapping[str, Any]]:
    """Return at most that many of the rows, evenly spread, the last among them."""
    if len(rows) <= at_most:
        return rows
    stride = -(-len(rows) // at_most)
    return rows[::-1][::stride][::-1]


def _problem(unit: Any, module: ModuleType) -> str | None:
    if not (isinstance(unit, type) and issubclass(unit, Tracker)):
        return "TRACKER is no subclass of Tracker"
    if not getattr(unit, "id", "") or not unit.__doc__:
        return "a tracker needs an id and a docstring"
    return None
