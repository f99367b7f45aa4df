"""Read .csv, .tsv and .parquet: columns of numbers and one that is to be predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from nbtrain.config.unknown import nearest
from nbtrain.configured.readers.npz import described
from nbtrain.configured.readers.samples import Samples, bad_data, numbered
from nbtrain.extras import require

SUFFIXES = (".csv", ".tsv", ".parquet")
TARGETS = ("target", "label", "labels", "class", "y")


def read(path: Path, *, target: str | None, like: Any = None, length: int | None = None) -> Samples:
    """Return the samples: every other column is an input. Whole numbers and words are classes.

    Args:
        target: name of the column. like: the training data, for its classes. length: unused.

    Raises:
        InvalidConfig: no such column, a column of words among the inputs, missing values; names them.
        MissingExtra: .parquet needs pyarrow.
    """
    frame = _frame(path)
    column = _target(frame, target, path)
    y, x = frame[column], frame.drop(columns=[column])
    words = [str(name) for name in x.columns if x[name].dtype.kind not in "fiub"]
    if words or not len(x.columns):
        raise bad_data(
            str(path), "columns of numbers beside the target",
            f"Turn into numbers or take out: {', '.join(words[:10])}." if words else "There are none.",
        )  # fmt: skip
    empty = [str(name) for name in frame.columns if frame[name].isna().any()]
    if empty:
        raise bad_data(str(path), "no missing values", f"There are some in {', '.join(empty[:10])}.")
    inputs = torch.tensor(x.to_numpy(dtype=np.float32))
    labels: tuple[Any, ...] = ()
    if y.dtype.kind in "iub":
        goal = torch.tensor(y.to_numpy(dtype=np.int64))
        if int(goal.min()) < 0:
            goal, labels = numbered(y.tolist(), like, str(path))
    elif y.dtype.kind == "f":
        goal = torch.tensor(y.to_numpy(dtype=np.float32)).unsqueeze(1)
    else:
        goal, labels = numbered([str(word) for word in y], like, str(path))
    return Samples(inputs, goal, described(inputs, goal, like), labels)


def _frame(path: Path) -> pd.DataFrame:
    if path.suffix.lower() == ".parquet":
        require("pyarrow", why="to read .parquet")
    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")
    except (OSError, ValueError, UnicodeDecodeError) as error:  # pandas' own errors are ValueErrors
        raise bad_data(str(path), "a table with a header", str(error)[:150]) from None
    if frame.empty:
        raise bad_data(str(path), "at least one row", "It holds a header alone.")
    return frame


def _target(frame: pd.DataFrame, said: str | None, path: Path) -> Any:
    columns = {str(name): name for name in frame.columns}
    if said is not None and said in columns:
        return columns[said]
    if said is None:
        lower = {name.lower(): name for name in columns}
        found = next((lower[name] for name in TARGETS if name in lower), None)
        if found is not None:
            return columns[found]
    close = nearest(said, columns) if said else None
    shown = ", ".join(list(columns)[:20])
    raise bad_data(
        str(path), f"the column `{said}`" if said else f"a column named {', '.join(TARGETS)}",
        f"Did you mean `{close}`?" if close else f"Say which under `data.target`; there are {shown}.",
    )  # fmt: skip
