"""Events in words."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrain.runs.events import changes, event_label


@pytest.mark.parametrize(
    ("event", "label"),
    [
        ({"kind": "lr", "from": 0.001, "to": 5e-5}, "lr 0.001 → 5e-5"),
        ({"kind": "lr", "from": 0.00057821, "to": 0.5}, "lr 5.78e-4 → 0.5"),
        ({"kind": "epochs", "from": 10, "to": 2000}, "epochs 10 → 2,000"),
        ({"kind": "patience", "from": None, "to": 3}, "patience off → 3"),
        ({"kind": "max_steps", "from": None, "to": 3}, "max steps 3"),
        ({"kind": "stall-recovery", "lr": 0.1}, "stall recovery"),
        ({}, "event"),
    ],
)
def test_an_event_reads_as_what_was_changed(event: dict[str, Any], label: str) -> None:
    """Name, value before, value after; an event of another kind is named."""
    assert event_label(event) == label


def test_only_what_changed_the_run_is_a_change() -> None:
    """Edits, recoveries and where a run was taken up again; not what was merely noticed."""
    events = [{"kind": kind, "step": 3} for kind in ("resumed", "replayed", "cell-draws", "recovery")]
    kinds = [event["kind"] for event in changes([*events, {"kind": "lr", "from": 1.0, "to": 0.5}])]

    assert kinds == ["resumed", "recovery", "lr"]
