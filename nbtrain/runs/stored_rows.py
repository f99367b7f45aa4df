"""The numbers in a run's folder: steps, validations, epochs, and the newest value of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrain.runs.journal import EVALUATION, LOGGED, read_journal, without_replayed
from nbtrain.runs.layout import EPOCHS_FILE, STEPS_FILE
from nbtrain.runs.metrics import read_metrics, with_evaluations

if TYPE_CHECKING:
    import pandas as pd

HISTORY_COLUMNS = ("train_loss", "lr", "grad_norm", "samples_per_s")
SMOOTHING = 0.98


class StoredRows:
    """Reads the files anew when they have changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: tuple[tuple[int, int], list[dict[str, Any]]] | None = None

    def steps(self) -> list[dict[str, Any]]:
        """Return the steps, each as it was done last."""
        return [row for row in self._records() if "kind" not in row]

    def epochs(self) -> list[dict[str, Any]]:
        """Return the rows of metrics.json; none where there is no such file."""
        path = self._folder / EPOCHS_FILE
        return [dict(row) for row in read_metrics(path).epochs] if path.exists() else []

    def validations(self) -> list[dict[str, Any]]:
        """Return the evaluations within epochs and the epochs, ordered by step."""
        within = [
            {key: value for key, value in row.items() if key != "kind"}
            for row in self._records() if row.get("kind") == EVALUATION
        ]  # fmt: skip
        return with_evaluations(self.epochs(), within) if within else self.epochs()

    def history(self) -> pd.DataFrame:
        """Return the steps as a table."""
        import pandas as pd

        rows = self._with_logged(self.steps())
        keys = dict.fromkeys(key for row in rows for key in row)
        # twice as fast as of dicts
        table = pd.DataFrame({key: [row.get(key) for row in rows] for key in keys})
        if "step" not in table:
            table = pd.DataFrame(columns=["step", *HISTORY_COLUMNS], dtype=float)
        table = table.dropna(subset="step")
        for column in HISTORY_COLUMNS:
            if column not in table:
                table[column] = float("nan")
        table["step"] = table["step"].astype("int64")
        others = [column for column in table if column not in ("step", *HISTORY_COLUMNS)]
        return table.set_index("step")[[*HISTORY_COLUMNS, *others]]

    def _with_logged(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the steps with what was logged at each; a step that has nothing else is added."""
        logged: dict[Any, dict[str, Any]] = {}
        for row in self._records():
            if row.get("kind") == LOGGED:
                logged.setdefault(row["step"], {}).update(row)
        if not logged:
            return steps
        whole = [{**row, **logged.pop(row.get("step"), {})} for row in steps]
        whole = sorted([*whole, *logged.values()], key=lambda row: row["step"])
        return [{key: value for key, value in row.items() if key != "kind"} for row in whole]

    def evaluations(self) -> pd.DataFrame:
        """Return the validations as a table indexed by step."""
        import pandas as pd

        known = self.validations()
        rows = [row for row in known if row.get("step") is not None and row.get("val_loss") is not None]
        told = (key for row in rows for key in row if key == "epoch" or key.startswith("val_"))
        keys = dict.fromkeys(told)
        table = pd.DataFrame({key: [row.get(key) for row in rows] for key in keys or ("epoch", "val_loss")})
        table.index = pd.Index([int(row["step"]) for row in rows], name="step", dtype="int64")
        return table

    def latest(self) -> dict[str, float]:
        """Return the newest values, and the best validation loss with its step."""
        values: dict[str, float] = {}
        best, best_step = float("inf"), 0.0
        for row in self.validations():
            numbers = {key: float(value) for key, value in row.items() if _is_number(value)}
            values |= {key: value for key, value in numbers.items() if key not in ("epoch", "step")}
            if numbers.get("val_loss", best) < best:
                best, best_step = numbers["val_loss"], numbers.get("step", 0.0)
        if best_step or best < float("inf"):
            values |= {"best_val_loss": best, "best_val_step": best_step}
        steps = self.steps()
        if steps:
            values |= {
                key: float(value) for key, value in steps[-1].items() if _is_number(value) and key != "step"
            }
            if (smooth := _smooth([row.get("train_loss") for row in steps])) is not None:
                values["smooth_loss"] = smooth
        return values

    def _records(self) -> list[dict[str, Any]]:
        path = self._folder / STEPS_FILE
        try:
            stat = path.stat()
        except OSError:
            return []
        mark = (stat.st_mtime_ns, stat.st_size)
        if self._read is None or self._read[0] != mark:
            self._read = (mark, without_replayed(read_journal(path)))
        return self._read[1]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _smooth(losses: list[Any]) -> float | None:
    """The bias-corrected moving average that the live run shows; NaN rows are passed over.

    The last 500 rows decide: what lies before them weighs less than 0.98**500 = 4e-5.
    """
    average, weight = 0.0, 0.0
    for loss in losses[-500:]:
        if _is_number(loss) and loss == loss and abs(loss) != float("inf"):
            average = SMOOTHING * average + (1 - SMOOTHING) * loss
            weight = SMOOTHING * weight + (1 - SMOOTHING)
    return average / weight if weight else None
