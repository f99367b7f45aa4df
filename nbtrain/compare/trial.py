"""What is compared: a trial is one run with its numbers, a side is one or several of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from nbtrain.compare.directions import in_points

PERCENT_ABOVE = 1.5  # a share over this is in percent, as in metrics.json
# columns of an epoch that are no result of the training
NOT_METRICS = frozenset({
    "epoch", "step", "lr", "grad_norm", "grad_norm_max", "gpu_util", "samples_per_s", "tokens_per_s",
    "epoch_time_s",
    "val_time_s", "data_wait", "seed", "time", "epoch_time", "duration", "eta", "batch_size", "optimizer",
})  # fmt: skip
_RESOURCES = ("memory", "mem", "gpu", "cpu", "util", "time", "seconds", "samples", "tokens", "throughput",
              "lr", "norm", "momentum", "power", "temperature")  # fmt: skip


@dataclass(frozen=True)
class Spent:
    """What a run took; None where unknown. `seconds`: training time. `cost` in `currency`."""

    seconds: float | None = None
    cost: float | None = None
    currency: str = ""
    gpu_hours: float | None = None
    peak_bytes: float | None = None


@dataclass(frozen=True)
class Trial:
    """One run.

    Attributes:
        name: of the run or the file. source: what was read, in words. place: folder or file, or "".
        table: one row an epoch, `epoch` always there, NaN where absent or not finite; accuracies 0..1.
        diverged: a sentence that says how it diverged; "" where it did not.
        config: settings, flat: "optimizer.lr" -> 0.001.
        data: what identifies the data: name, version, sha256, train_samples, valid_samples, classes.
        data_named_by: "variable" where `data["name"]` is only a variable's name in a notebook.
        environment: as in a manifest. notes: what was decided while reading, in sentences.
    """

    name: str
    table: pd.DataFrame
    source: str = ""
    place: str = ""
    seed: int | None = None
    status: str = ""
    diverged: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    data_named_by: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    spent: Spent = Spent()
    created_at: str = ""
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not any(np.isfinite(self.column(name)).any() for name in self.metrics())

    @property
    def epochs(self) -> np.ndarray:
        """The epochs' numbers, (epochs,)."""
        return self.column("epoch")

    def column(self, name: str) -> np.ndarray:
        """Return a column by epoch, (epochs,); all NaN where there is none."""
        if name not in self.table:
            return np.full(len(self.table), np.nan)
        values = pd.to_numeric(self.table[name], errors="coerce").to_numpy(float, copy=True)
        return np.where(np.isfinite(values), values, np.nan)

    def has(self, name: str) -> bool:
        return bool(np.isfinite(self.column(name)).any())

    def metrics(self) -> list[str]:
        """Return the columns that are results of the training, losses and accuracies first."""
        first = ["val_acc", "val_loss", "train_acc", "train_loss"]
        found = [str(name) for name in self.table.columns if is_metric(str(name)) and self.has(str(name))]
        return sorted(found, key=lambda name: first.index(name) if name in first else len(first))


def is_metric(name: str) -> bool:
    """Say whether a column is a result, and no setting, time or measure of the machine."""
    if name in NOT_METRICS or name.endswith("(empty)"):
        return False
    words = set(name.lower().replace("/", "_").replace(".", "_").split("_"))
    return not words & set(_RESOURCES)


@dataclass(frozen=True)
class Side:
    """The runs of one side, usually the same set-up with other seeds. `name`: as reports call it."""

    name: str
    trials: tuple[Trial, ...]

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({trial.seed for trial in self.trials if trial.seed is not None}))

    def has(self, name: str) -> bool:
        """True where every run has the metric."""
        return bool(self.trials) and all(trial.has(name) for trial in self.trials)

    def metrics(self) -> list[str]:
        """Return the metrics that every run has."""
        first = self.trials[0].metrics() if self.trials else []
        return [name for name in first if self.has(name)]


def distinct(side: Side) -> tuple[Side, str]:
    """Return the side without runs whose numbers repeat another's, and a sentence that says so, or "".

    Copies are no further samples: counted as such they would make any difference look certain.
    """
    kept: list[Trial] = []
    copies: list[str] = []
    for trial in side:
        if any(_same_numbers(trial, other) for other in kept):
            copies.append(trial.name)
        else:
            kept.append(trial)
    if not copies:
        return side, ""
    named = ", ".join(copies[:4]) + (" ..." if len(copies) > 4 else "")
    return replace(side, trials=tuple(kept)), (
        f"{side.name}: the numbers of {named} are those of another run to the last digit; "
        "a copy is no further seed, so it counts once."
    )


def _same_numbers(one: Trial, other: Trial) -> bool:
    names = one.metrics()
    if not names or names != other.metrics() or len(one.table) != len(other.table):
        return False
    return all(np.array_equal(one.column(name), other.column(name), equal_nan=True) for name in names)


def in_one_unit(sides: tuple[Side, ...]) -> tuple[tuple[Side, ...], tuple[str, ...]]:
    """Return the sides with every share (accuracy, F1 and the like) in one unit, and what was done.

    Accuracies are fractions always; another share is left as it is unless some runs have it in percent and
    others as a fraction.
    """
    notes: list[str] = []
    trials = [trial for side in sides for trial in side]
    names = dict.fromkeys(name for trial in trials for name in trial.metrics() if in_points(name))
    changed: dict[int, pd.DataFrame] = {id(trial): trial.table for trial in trials}
    for name in names:
        percent = [
            trial for trial in trials if trial.has(name) and np.nanmax(trial.column(name)) > PERCENT_ABOVE
        ]
        others = [trial for trial in trials if trial.has(name) and trial not in percent]
        if not percent or (not others and not name.endswith("_acc")):
            continue
        for trial in percent:
            table = changed[id(trial)].copy()
            table[name] = trial.column(name) / 100
            changed[id(trial)] = table
        notes.append(
            f"{name} was in percent in {', '.join(trial.name for trial in percent[:4])}; divided by 100."
        )
    rebuilt = tuple(
        replace(side, trials=tuple(replace(trial, table=changed[id(trial)]) for trial in side))
        for side in sides
    )
    return rebuilt, tuple(notes)
