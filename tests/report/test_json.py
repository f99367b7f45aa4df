"""Reports for programs: strict JSON, data first."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from nbtrain.findings import Severity
from nbtrain.report.json import json_ready
from nbtrain.report.model import Report, Section, Text


def test_data_is_returned_with_title_and_headline(small_report: Report) -> None:
    """Given data wins over the structure; NaN is the string that the metrics file uses."""
    assert small_report.to_dict() == {
        "title": "Review of cell 3",
        "headline": "2 findings",
        "findings": 2,
        "loss": "NaN",
    }


def test_without_data_the_structure_is_returned() -> None:
    """Each block says its kind and its fields."""
    structure = Report("t", (Section("s", (Text("x", "good"),)),)).to_dict()

    blocks = [{"kind": "text", "text": "x", "tone": "good"}]
    assert structure["sections"] == [{"kind": "section", "title": "s", "blocks": blocks}]


def test_any_report_is_strict_json(hostile_report: Report) -> None:
    """A strict writer takes every report, whatever its texts."""
    text = json.dumps(hostile_report.to_dict(), allow_nan=False, ensure_ascii=False)

    assert json.loads(text.encode("utf-8")) == hostile_report.to_dict()


def test_values_of_other_kinds_become_json() -> None:
    """Numpy numbers, enums, paths, sets and infinities have one meaning each."""
    given = {
        "a": np.float32(1.5),
        "b": np.arange(2),
        "c": Severity.WARNING,
        "d": Path("x"),
        "e": [math.inf, -math.inf],
        1: (True, None),
    }

    assert json_ready(given) == {
        "a": 1.5, "b": [0, 1], "c": "warning", "d": "x", "e": ["Infinity", "-Infinity"], "1": [True, None],
    }  # fmt: skip
