"""Rows of epochs as a table: of a living run and of one read from disk the same columns in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbtrain.runs.metrics import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

ALWAYS = ("epoch", "step", "train_loss")


def epochs_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row an epoch: the columns of metrics.json that have a value, then what else was measured.

    Args:
        rows: in order; a value that is unknown is None or absent, and NaN in the table.
    """
    import pandas as pd

    found = dict.fromkeys(key for row in rows for key, value in row.items() if value is not None)
    if not rows:
        found["val_loss"] = None  # what a reader of an empty table asks for
    known = [name for name in COLUMNS if name in found or name in ALWAYS]
    others = [name for name in found if name not in COLUMNS]
    table = pd.DataFrame({name: [row.get(name) for row in rows] for name in [*known, *others]})
    for name in known:
        whole = name in ("epoch", "step") and not table[name].isna().any()
        table[name] = table[name].astype("int64" if whole else "float64")
    return table
