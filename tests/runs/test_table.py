"""Rows held as columns: a list of dicts to the reader, strict JSON lines on disk."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from nbtrain.runs.journal import Journal, read_journal
from nbtrain.runs.table import Table
from nbtrain.runs.tracker import thinned

ROWS = [
    {"step": 1, "loss": 0.1, "100% \"sure\"": 1 / 3, "lr": 1e-3, "norm": 2.0},
    {"step": 2, "loss": math.nan, "100% \"sure\"": 1e-300, "lr": 1e-3, "norm": -math.inf},
    {"step": 3, "loss": math.inf, "100% \"sure\"": -0.0, "lr": 1e-3, "norm": 2.0},
]  # fmt: skip


def table(rows: list[dict[str, float]] = ROWS) -> Table:
    return Table({name: np.array([row[name] for row in rows]) for name in rows[0]})


def test_rows_come_back_exactly(tmp_path: Path) -> None:
    """Each row is one line of strict JSON, and is read back bit for bit, NaN and infinities too."""
    journal = Journal(tmp_path / "a.jsonl")
    journal.append(table(ROWS[:1]))
    journal.append(table(ROWS[1:]))
    journal.close()

    for line in journal.path.read_text().splitlines():
        json.loads(line, parse_constant=lambda token: pytest.fail(token))
    assert repr(read_journal(journal.path)) == repr(ROWS)


def test_it_reads_as_a_list_of_dicts() -> None:
    """Length, iteration, places, slices and thinning are those of the list."""
    rows = table()

    assert repr(list(rows)) == repr(ROWS)
    assert (len(rows), bool(table()), repr(rows[-1])) == (3, True, repr(ROWS[-1]))
    assert repr(list(rows[::-1][:2])) == repr(ROWS[::-1][:2])
    assert [row["step"] for row in thinned(rows, 2)] == [1, 3]
    assert (len(Table({})), list(Table({}))) == (0, [])
