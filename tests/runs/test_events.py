"""Events in words."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrain.runs.events import event_label


@pytest.mark.parametrize(
    ("event", "label"),
    [
        ({"kind": "lr", "from": 0.001, "to": 5e-5}, "lr 0.001 → 5e-5"),
        ({"kind": "lr", "from": 0.00057821, "to": 0.5}, "lr 5.78e-4 → 0.5"),
        ({"kind": "epochs", "from": 10, "to": 2000}, "epochs 10 → 2,000"),
        ({"kind": "patience", "from": None, "to": 3}, "patience off → 3"),
        ({"kind": "max_steps", "from": None, "to": 3}, "max steps 3"),
        ({"kind": "loader-restart"}, "loader restart"),
        ({}, "event"),
    ],
)
def test_an_event_reads_as_what_was_changed(event: dict[str, Any], label: str) -> None:
    """Name, value before, value after; an event of another kind is named."""
    assert event_label(event) == label
