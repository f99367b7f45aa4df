"""A run's step history in memory: named columns that grow in chunks, written by the pump, read by anybody.

40 bytes a row for five columns: a million steps take about 40 MB. Knows nothing of where the numbers come
from.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 16_384


class Series:
    """Rows of float columns under an integer step.

    Args:
        columns: names of the columns, in the order they are shown.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self._chunks: list[np.ndarray] = []  # each (1 + columns, CHUNK_ROWS); row 0 holds the steps
        self._length = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._length

    def extend(self, steps: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Append rows. Columns not in `values` are NaN. `steps` and each value: (n,)."""
        block = np.full((1 + len(self.columns), len(steps)), np.nan)
        block[0] = steps
        for place, name in enumerate(self.columns, start=1):
            if name in values:
                block[place] = values[name]
        done = 0
        with self._lock:
            while done < block.shape[1]:
                used = self._length % CHUNK_ROWS
                if used == 0:
                    self._chunks.append(np.empty((block.shape[0], CHUNK_ROWS)))
                part = block[:, done : done + CHUNK_ROWS - used]
                self._chunks[-1][:, used : used + part.shape[1]] = part
                self._length += part.shape[1]
                done += part.shape[1]

    def frame(self) -> pd.DataFrame:
        """Return a copy as a DataFrame indexed by `step`;
        when a step was recorded twice, the later row stays.
        """
        import pandas as pd  # a second of work on a cold machine: not before a plan is shown

        with self._lock:
            n = self._length
            if n:
                whole = np.concatenate(self._chunks, axis=1)[:, :n]
            else:
                whole = np.empty((1 + len(self.columns), 0))
        frame = pd.DataFrame(
            {name: whole[place] for place, name in enumerate(self.columns, start=1)},
            index=pd.Index(whole[0].astype(np.int64), name="step"),
        )
        # rising steps are unique: looking costs a hundredth of what pandas takes to hash a million
        if bool((whole[0, 1:] > whole[0, :-1]).all()):
            return frame
        return frame[~frame.index.duplicated(keep="last")]


class Smoother:
    """Exponential mean that looks back over a tenth of the steps so far, at most `window` steps.

    A fixed window of 50 steps (beta 0.98, as TensorBoard and fastai draw it) runs far behind a loss that
    falls in its first hundred steps; growing with the steps, it follows the fall and is as calm later on.

    Args:
        window: steps looked back over in the long run; beta = 1 - 1 / window.
    """

    def __init__(self, window: int = 50) -> None:
        self.window = window
        self._mean = 0.0
        self._seen = 0

    def extend(self, values: np.ndarray) -> np.ndarray:
        """Return the smoothed values, (n,); non-finite ones are passed over and leave the mean as it was."""
        out = np.empty(len(values))
        mean, seen, window = self._mean, self._seen, self.window
        for place, value in enumerate(values.tolist()):
            if value - value == 0.0:  # finite; ten times cheaper here than math.isfinite on numpy scalars
                seen += 1
                mean += (value - mean) / min(max(seen / 10, min(seen, 3)), window)
            out[place] = mean if seen else np.nan
        self._mean, self._seen = mean, seen
        return out
