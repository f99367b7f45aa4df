"""Numbers that a person's code adds to a run, by name: any names, at any steps. Written by the pump."""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LAST_COUNTS = ("val", "valid", "validation", "test", "eval")  # how names of evaluations begin


class Logged:
    """Named series that grow; a value costs 16 bytes."""

    def __init__(self) -> None:
        self._series: dict[str, tuple[array[int], array[float]]] = {}
        self._lock = threading.Lock()
        self._told: dict[str, int] = {}  # how many values of a series an epoch has counted

    def add(self, step: int, values: dict[str, float]) -> None:
        """Append a value to each of the named series."""
        with self._lock:
            for name, value in values.items():
                steps, numbers = self._series.setdefault(name, (array("q"), array("d")))
                steps.append(step)
                numbers.append(value)

    def joined(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a step history with a column for each name; of several values of a step the last stays.

        Args:
            frame: indexed by `step`. Steps that it lacks are added.
        """
        import pandas as pd  # a second of work on a cold machine: not before a plan is shown

        with self._lock:
            columns = {
                name: pd.Series(list(numbers), index=list(steps), dtype=float)
                for name, (steps, numbers) in self._series.items()
            }
        if not columns:
            return frame
        added = pd.DataFrame({name: one[~one.index.duplicated(keep="last")] for name, one in columns.items()})
        joined = frame.join(added.rename_axis("step"), how="outer")
        return joined.astype({name: kind for name, kind in frame.dtypes.items() if kind.kind == "f"})

    def take_epoch(self, last_step: int) -> dict[str, float]:
        """Return what an epoch came to by name: the mean of its values, or the last of an evaluation's.

        Args:
            last_step: the epoch's last; values since the epoch before are counted once.
        """
        told: dict[str, float] = {}
        with self._lock:
            for name, (steps, numbers) in self._series.items():
                start = self._told.get(name, 0)
                end = start + sum(step <= last_step for step in steps[start:])
                if end > start:
                    self._told[name] = end
                    is_last = name.replace("-", "_").split("_")[0].lower() in LAST_COUNTS
                    told[name] = numbers[end - 1] if is_last else float(np.mean(numbers[start:end]))
        return told
