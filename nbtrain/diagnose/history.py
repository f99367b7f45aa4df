"""History: the numbers of a run as a diagnosis sees them, whoever wrote them. It reads no file and judges
nothing.

A row is an epoch, or an evaluation where the writer counted those. What is absent and what is not finite
are told apart: a loss that is NaN is a finding, a loss that nobody wrote is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

from nbtrain.diagnose.columns import canonical_names, is_loss
from nbtrain.diagnose.curves import broken_step
from nbtrain.diagnose.totals import totals

NO_STEPS = pd.DataFrame({"train_loss": np.empty(0)}, index=pd.Index([], name="step"))
_NESTED = frozenset({dict, list})
_SETTINGS = ("lr", "weight_decay", "momentum", "betas")  # of an optimizer, as config.yaml names them


@dataclass(frozen=True)
class Broken:
    """A loss that is not finite: the column, the epoch or the step (None: the other one), the value."""

    column: str
    value: float
    epoch: float | None = None
    step: float | None = None

    @property
    def where(self) -> str:
        return f"epoch {self.epoch:,.0f}" if self.epoch is not None else f"step {self.step:,.0f}"


@dataclass(frozen=True)
class Hints:
    """What is known of a run beside its numbers; None or empty where unknown.

    Attributes:
        status: how it ended, a word of `run.status`.
        classes: number of classes of a classification.
        batch_size: samples of a training batch.
        val_samples: samples of the validation data.
        optimizer: its class name.
        settings: the optimizer's numbers and the run's options: lr, weight_decay, epochs, clip, ...
        followed: the loop is the person's own: no option of %train reaches it.
        bad_data: what in the data was found not finite, in a sentence.
        configuration: path of the configuration that the run was made of.
        optimizer_name: the optimizer's name in the notebook.
    """

    status: str = ""
    classes: int | None = None
    batch_size: int | None = None
    val_samples: int | None = None
    optimizer: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    followed: bool = False
    bad_data: str = ""
    configuration: str = ""
    optimizer_name: str = ""


@dataclass(frozen=True)
class History:
    """A run's numbers.

    Attributes:
        name: the run's or the file's name. source: what was read, in words ("metrics.json").
        epochs: one row an epoch, float columns, NaN where absent or not finite; `epoch` is always there.
        steps: indexed by step; empty where nothing is known by step.
        broken: losses that are not finite, in order. overflown: gradient norms that are not.
        nested: column -> its objects by row, e.g. layer_grad_norms -> ((1.0, {"fc1.weight": 0.2}), ...).
        hints: what else is known.
        notes: what the reader had to decide, in sentences.
        seeds: histories of the same run with other seeds, by name.
        passes: how often the training data were seen, where the rows are known to be no epochs; 0 where that
            is not known then. None: each row is an epoch, or may be one.
    """

    name: str
    source: str
    epochs: pd.DataFrame
    steps: pd.DataFrame = field(default_factory=lambda: NO_STEPS)
    broken: tuple[Broken, ...] = ()
    nested: Mapping[str, tuple[tuple[float, Any], ...]] = field(default_factory=dict)
    hints: Hints = Hints()
    notes: tuple[str, ...] = ()
    seeds: Mapping[str, History] = field(default_factory=dict)
    overflown: tuple[Broken, ...] = ()
    passes: float | None = None

    @property
    def empty(self) -> bool:
        return not len(self.epochs) and not len(self.steps)

    def column(self, name: str) -> np.ndarray:
        """Return a column by epoch, (epochs,); all NaN where there is none."""
        if name not in self.epochs:
            return np.full(len(self.epochs), np.nan)
        return self.epochs[name].to_numpy(float)

    def has(self, name: str) -> bool:
        return bool(np.isfinite(self.column(name)).any())


def history_of_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    name: str,
    source: str,
    steps: pd.DataFrame | None = None,
    hints: Hints | None = None,
    notes: Iterable[str] = (),
    passes: float | None = None,
) -> History:
    """Return the history that rows tell: values are numbers, None (absent), or objects.

    Args:
        rows: one an epoch, in order, each with `epoch`. Other names of known columns are accepted
            (see `nbtrain.diagnose.columns`).
        steps, hints, notes, passes: as in History.
    """
    shapes = list(dict.fromkeys(map(tuple, rows)))
    keys = list(dict.fromkeys(key for shape in shapes for key in shape))
    alike = len(shapes) == 1  # then no row lacks a key, which is quicker to read
    columns: dict[str, np.ndarray] = {}
    nested: dict[str, tuple[tuple[float, Any], ...]] = {}
    broken: list[Broken] = []
    overflown: list[Broken] = []
    epoch = _floats([row.get("epoch") for row in rows])
    epoch = np.where(np.isfinite(epoch), epoch, np.arange(1, len(rows) + 1))
    for key in keys:
        raw = list(map(itemgetter(key), rows)) if alike else [row.get(key) for row in rows]
        if not _NESTED.isdisjoint(map(type, raw)):
            found = zip(epoch.tolist(), raw, strict=True)
            nested[str(key)] = tuple((at, value) for at, value in found if isinstance(value, (dict, list)))
            continue
        values = _floats(raw)
        if not np.isfinite(values).all() and (key == "grad_norm" or is_loss(str(key))):
            (overflown if key == "grad_norm" else broken).extend(
                Broken(str(key), float(raw[at]), epoch=float(epoch[at]))
                for at in np.flatnonzero(~np.isfinite(values)).tolist()
                if _is_broken(raw[at])
            )
        columns[str(key)] = np.where(np.isfinite(values), values, np.nan)
    columns["epoch"] = epoch
    made = totals(columns)
    columns |= {total.name: total.of(columns) for total in made}
    renamed = canonical_names({key: bool(np.isfinite(values).any()) for key, values in columns.items()})
    table = pd.DataFrame({renamed.get(key, key): values for key, values in columns.items()})
    broken = [Broken(renamed.get(one.column, one.column), one.value, one.epoch) for one in broken]
    history = steps if steps is not None else NO_STEPS
    return History(
        name,
        source,
        table,
        history,
        (*_in_order(broken), *broken_steps(history)),
        nested,
        hints or Hints(),
        (*notes, *(f"{total}." for total in made)),
        overflown=tuple(_in_order(overflown)),
        passes=passes,
    )


def _floats(raw: Sequence[Any]) -> np.ndarray:
    """Return numbers as floats, all else as NaN."""
    try:
        return np.array(raw, dtype=float)  # None becomes NaN; the fast way, right for almost every column
    except (TypeError, ValueError):
        return np.array([float(v) if _is_number(v) else math.nan for v in raw], dtype=float)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_broken(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _in_order(broken: list[Broken]) -> list[Broken]:
    return sorted(broken, key=lambda one: one.epoch or 0)


def broken_steps(steps: pd.DataFrame) -> list[Broken]:
    """Return the first step whose loss is truly not finite, if there is one."""
    found = broken_step(steps)
    return [] if found is None else [Broken("train_loss", found[1], step=found[0])]


def hints_of_manifest(manifest: Any, *, status: str = "", bad_data: str = "") -> Hints:
    """Return what a run's manifest tells, live or stored."""
    if manifest is None:
        return Hints(status=status, bad_data=bad_data)
    known = manifest.hyperparameters or {}
    optimizer, training = known.get("optimizer") or {}, known.get("training") or {}
    samples = (manifest.dataset or {}).get("valid_samples")
    classes = (manifest.dataset or {}).get("classes")
    batch = training.get("batch_size")
    settings = {key: optimizer[key] for key in _SETTINGS if optimizer.get(key) is not None}
    settings |= {key: value for key, value in training.items() if isinstance(value, (int, float, str))}
    return Hints(
        status=status or str(manifest.status),
        classes=classes if isinstance(classes, int) else None,
        batch_size=batch if isinstance(batch, int) else None,
        val_samples=samples if isinstance(samples, int) else None,
        optimizer=str(optimizer.get("type", "")),
        settings=settings,
        followed=bool(manifest.is_followed),
        bad_data=bad_data,
    )
