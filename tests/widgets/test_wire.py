"""Descriptions and layers on their way to the page: nothing is lost, little is sent."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from nbtrain.widgets import wire
from nbtrain.widgets.layer_feed import ROWS_SENT, LayerFeed

ROWS: list[list[Any]] = [
    ["", 0, "Net", 0, 10, "float32", "cpu", "mixed", "", "", ""],
    ["a", 1, "Linear", 6, 6, "float32", "cpu", "trainable", "", "opt[0]", "(8, 2)"],
    ["a.b", 2, "Linear", 4, 4, "float32", "cpu", "frozen", "a", "", ""],
]


def test_packing_keeps_every_cell() -> None:
    """What the page unpacks is the description, with each text sent once."""
    packed = json.loads(wire.packed(ROWS, {"name": "net"}))
    unpacked = {c: [packed["words"][c][code] for code in packed["codes"][c]] for c in wire.TEXTS}

    assert unpacked == {c: [row[position] for row in ROWS] for c, position in wire.TEXTS.items()}
    assert packed["numbers"] == {"own": [0, 6, 4], "total": [10, 6, 4]}
    assert (packed["names"], packed["depths"]) == (["", "a", "b"], [0, 1, 2])
    assert packed["words"]["dtype"] == ["float32"]


def test_changes_are_rows_and_a_new_structure_is_the_whole() -> None:
    """A cell that changed sends its row; a module that came, went or moved sends everything again."""
    changed = [list(row) for row in ROWS]
    changed[2][7] = "trainable"

    assert wire.changes(ROWS, changed) == [[2, "Linear", 4, 4, "float32", "cpu", "trainable", "a", "", ""]]
    assert wire.changes(ROWS, ROWS) == []
    assert wire.changes(ROWS, ROWS[:2]) is None
    assert wire.changes(ROWS, [ROWS[0], ROWS[1], ["c", 1, *ROWS[2][2:]]]) is None
    assert wire.changes(ROWS, changed, most=0) is None


def test_layers_are_summed_over_a_modules_own_parameters() -> None:
    """Weight and bias of a module become one row; what is not new is not sent again."""
    feed, rows = LayerFeed(), {"": 0, "a": 1, "a.b": 2}
    layers = {"a.weight": (3.0, 0.1), "a.bias": (4.0, 0.2), "a.b.w": (1.0, float("nan"))}
    sent = feed.next(layers, rows)
    again = feed.next(layers, rows)

    assert sent is not None
    assert again is None
    assert np.frombuffer(sent[0], "<u4").tolist() == [1, 2]
    assert np.frombuffer(sent[1], "<f4").tolist() == [5.0, 1.0]
    np.testing.assert_array_equal(np.frombuffer(sent[2], "<f4"), np.array([0.2, np.nan], "f4"))


def test_a_large_model_takes_turns() -> None:
    """Each message stays within its size, and after some rounds every layer was sent."""
    feed = LayerFeed()
    rows = {f"m{i}": i for i in range(3 * ROWS_SENT + 7)}
    layers = {f"m{i}.weight": (1.0, 1.0) for i in range(len(rows))}
    seen: set[int] = set()
    for _ in range(4):
        sent = feed.next(layers, rows)
        assert sent is not None
        assert sum(map(len, sent)) <= 8000
        seen |= set(np.frombuffer(sent[0], "<u4").tolist())

    assert seen == set(range(len(rows)))
