"""A model's description as little JSON, each text sent once. js/src/tree_model.js unpacks it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

# Positions in a row of `describe_model`, by the page's names of the columns.
TEXTS = {"class": 2, "dtype": 5, "device": 6, "state": 7, "shared": 8, "held": 9, "shape": 10}
NUMBERS = {"own": 3, "total": 4}
ORDER = ("class", "own", "total", "dtype", "device", "state", "shared", "held", "shape")
Row = Sequence[Any]


def head(description: Mapping[str, Any], *, name: str, training: bool) -> dict[str, Any]:
    """Return what stands above the tree."""
    return {
        "name": name,
        "class": description["class"],
        "total_params": description["total_params"],
        "trainable_params": description["trainable_params"],
        "mode": "train mode" if training else "eval mode",
    }


def packed(rows: Sequence[Row], heading: Mapping[str, Any]) -> bytes:
    """Return the whole description as UTF-8 JSON: about 40 bytes a module."""
    words: dict[str, list[str]] = {}
    codes: dict[str, list[int]] = {}
    for column, position in TEXTS.items():
        index: dict[str, int] = {}
        codes[column] = [index.setdefault(str(row[position]), len(index)) for row in rows]
        words[column] = list(index)
    whole = {
        "head": heading,
        "names": [str(row[0]).rpartition(".")[2] for row in rows],
        "depths": [row[1] for row in rows],
        "numbers": {column: [row[position] for row in rows] for column, position in NUMBERS.items()},
        "words": words,
        "codes": codes,
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def changes(before: Sequence[Row], after: Sequence[Row], *, most: int = 200) -> list[list[Any]] | None:
    """Return the rows that differ, each as its index and its cells; None if the whole must be sent again."""
    if len(before) != len(after):
        return None
    found: list[list[Any]] = []
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if old[:2] != new[:2] or len(found) == most:
            return None
        found.append([index, *_cells(new)])
    return found


def _cells(row: Row) -> list[Any]:
    return [str(row[TEXTS[c]]) if c in TEXTS else row[NUMBERS[c]] for c in ORDER]
