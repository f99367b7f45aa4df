"""The journal: appended cheaply, read in spite of what a crash left."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from nbtrain.errors import RunFolderError
from nbtrain.runs.journal import Journal, read_journal, without_replayed

ROWS = [{"step": step, "train_loss": 1.0 / step, "lr": 1e-3} for step in range(1, 6)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "metrics.jsonl")
    journal.append(ROWS[:3])
    journal.append(ROWS[3:])
    journal.close()
    return journal.path


def test_rows_come_back(path: Path) -> None:
    """Rows of several appends are read in order, one line each."""
    assert read_journal(path) == ROWS
    assert len(path.read_text().splitlines()) == 5


def test_a_torn_last_line_is_left_out_and_cut_when_going_on(path: Path) -> None:
    """Cut at each byte of the last line, the whole rows are read, and new rows are not glued to it."""
    data = path.read_bytes()
    last = data[:-1].rfind(b"\n") + 1
    for length in range(last, len(data)):
        path.write_bytes(data[:length])
        assert read_journal(path) == ROWS[:4], length
        journal = Journal(path)
        journal.append([{"step": 9}])
        journal.close()
        assert read_journal(path) == [*ROWS[:4], {"step": 9}], length


def test_a_torn_line_longer_than_a_block_is_cut(tmp_path: Path) -> None:
    """The end of the whole lines is found also when the torn line is long."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"step": 1}\n' + b'{"x": "' + b"y" * 200_000)
    Journal(path).close()
    assert path.read_bytes() == b'{"step": 1}\n'
    path.write_bytes(b"y" * 200_000)
    Journal(path).close()
    assert path.read_bytes() == b""


def test_damage_in_the_middle_is_told(path: Path) -> None:
    """Lines that are no rows are left out with a warning that counts them."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"\x00\x00{\n", b"[1]\n", b"3,4\n", *lines[1:]]))
    with pytest.warns(UserWarning, match="3 of 8 lines"):
        assert read_journal(path) == ROWS


def test_odd_values_are_strict_json_and_come_back(tmp_path: Path) -> None:
    """NaN, infinities, numpy numbers and words survive; each line is strict JSON."""
    journal = Journal(tmp_path / "a.jsonl")
    journal.append([{"step": np.int64(1), "a": math.nan, "b": -math.inf, "c": np.float32(0.5), "d": "é\n"}])
    journal.append([{"step": 2, "a": math.nan}, {"step": 3, "a": 1.5}])
    journal.append([{"step": 4, "layers": {"fc": math.inf}}])
    journal.close()
    row, *others = read_journal(journal.path)

    for line in journal.path.read_text().splitlines():
        json.loads(line, parse_constant=lambda token: pytest.fail(token))
    assert [(other["step"], str(other.get("a"))) for other in others] == [(2, "nan"), (3, "1.5"), (4, "None")]
    assert others[2]["layers"] == {"fc": "Infinity"}
    assert (row["step"], row["b"], row["c"], row["d"]) == (1, -math.inf, 0.5, "é\n")
    assert math.isnan(row["a"])


def test_rows_that_look_like_borders_stay_apart(tmp_path: Path) -> None:
    """Words and nested values that hold the sign between two rows do not tear them."""
    rows = [{"step": 1, "note": "},{"}, {"step": 2, "parts": [{"a": 1}, {"b": 2}]}, {"step": 3}]
    journal = Journal(tmp_path / "a.jsonl")
    journal.append(rows)
    journal.append(rows[:1])
    journal.close()

    assert read_journal(journal.path) == [*rows, rows[0]]


def test_no_file_is_no_rows(tmp_path: Path) -> None:
    """A run that has written nothing yet has no rows."""
    assert read_journal(tmp_path / "none.jsonl") == []


def test_a_full_disk_loses_the_block_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a write ends half way the part is taken back, it is told, and the next block is whole."""
    journal = Journal(path)
    real, calls = os.write, []

    def half(handle: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) == 1:
            return real(handle, bytes(data)[:20])
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(RunFolderError, match="disk is full") as caught:
            journal.append([{"step": 6, "train_loss": 0.123456}])
    assert caught.value.details["free_bytes"] > 0
    journal.append([{"step": 7}])
    journal.close()
    assert read_journal(path) == [*ROWS, {"step": 7}]


def test_rows_done_again_after_a_resume_replace_the_earlier() -> None:
    """A run that went back twice has each step once, in order, as it was done last."""
    rows = [
        {"step": s, "life": life} for life, part in enumerate(((1, 2, 3, 4), (3, 4, 5), (2, 3))) for s in part
    ]

    assert [(r["step"], r["life"]) for r in without_replayed(rows)] == [(1, 0), (2, 2), (3, 2)]
    assert without_replayed(ROWS) is ROWS
    odd = [{"note": 1}, {"step": 2}, {"step": 1}, {"step": "x"}]
    assert without_replayed(odd) == [{"note": 1}, {"step": 1}, {"step": "x"}]
    assert without_replayed([]) == []
