"""Rows of numbers under the same names, held as columns: a list of dicts to whoever reads it, cheap to write.

Owns their JSON lines. A row costs a microsecond, where making dicts and encoding them takes four; the pump
does this beside a training, which waits for the interpreter meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, overload

import numpy as np

from nbtrain.runs.plain import number_name


class Table(Sequence[Mapping[str, Any]]):
    """Rows of one block.

    Args:
        columns: name -> (rows,) integers, floats or words, as many each.
    """

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = list(self.columns)
        values = [column.tolist() for column in self.columns.values()]
        return (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Table: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | Table:
        if isinstance(place, slice):
            return Table({name: column[place] for name, column in self.columns.items()})
        return {name: column[place].item() for name, column in self.columns.items()}

    def json_lines(self) -> bytes:
        """Return each row as a line of strict JSON; non-finite numbers are "NaN", "Infinity", "-Infinity"."""
        pattern, varying = [], []
        for name, column in self.columns.items():
            key = json.dumps(name).replace("%", "%%")
            values = column.tolist()
            if column.dtype.kind == "U":
                pattern.append(f"{key}:%s")
                varying.append([json.dumps(value) for value in values])
            elif column.dtype.kind == "f" and not np.isfinite(column).all():
                pattern.append(f"{key}:%s")
                varying.append([json.dumps(number_name(value)) for value in values])
            elif values and values.count(values[0]) == len(values):  # a rate, a pace: said once
                pattern.append(f"{key}:{values[0]!r}")
            else:
                pattern.append(f"{key}:%r")
                varying.append(values)
        line = "{" + ",".join(pattern) + "}\n"
        return (line * len(self) % tuple(chain.from_iterable(zip(*varying, strict=True)))).encode()
