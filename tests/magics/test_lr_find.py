"""`%train lr-find` in a real kernel: a report in the cell, and a button that sets the rate."""

from __future__ import annotations

from typing import Any

import pytest
from shown import WIDGET

pytestmark = pytest.mark.kernel


def test_the_button_beside_the_report_sets_the_rate(live: Any) -> None:
    """The cell shows curve and suggestion; nothing changes before the click, and then it is said."""
    cell = live("%train lr-find --end 1")
    assert "Suggested: lr" in cell.text
    assert any("text/html" in data and "data:image/png" in data["text/html"] for data in cell.shown)
    assert live("optimizer.param_groups[0]['lr']").text.strip() == "0.1"
    (bar,) = [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data]
    live.send(bar, {"type": "start"})
    live.wait_for(
        lambda one: (
            one["msg_type"] == "comm_msg"
            and "now has lr" in str(one["content"]["data"].get("state", {}).get("note"))
        )
    )

    assert live("optimizer.param_groups[0]['lr']").text.strip() != "0.1"


def test_a_batch_execution_shows_no_button(live: Any) -> None:
    """Where nobody can click there is the report alone."""
    live("%env NBTRAIN_WAIT=1")
    cell = live("found = %train lr-find --end 1\nfound")

    assert "Suggested: lr" in cell.text
    assert not [data for data in cell.shown if WIDGET in data]
