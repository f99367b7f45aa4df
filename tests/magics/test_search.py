"""`%train search` in a real kernel: the kernel stays free, the board follows, picture and report remain."""

from __future__ import annotations

from typing import Any

import pytest
from shown import WIDGET, came, picture_came

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]

SPACE = "space = {'lr': [0.2, 0.1, 0.05, 0.01], 'weight_decay': [0.0, 0.1]}"
LINE = "search = %train search model train_loader --search-space space --method grid --epochs 2 --output {}"


def test_a_search_runs_beside_the_kernel_and_leaves_picture_and_report(live: Any) -> None:
    """A board with a Stop button; cells run meanwhile; at the end picture and report stay."""
    live(SPACE)
    cell = live(LINE.format("out"))
    assert [data for data in cell.shown if WIDGET in data], "a button stops it"
    assert any("trials" in data["text/plain"] for data in cell.shown)
    assert live("str(search.status)").text.strip() in ("'running'", "'completed'")
    assert live("optimizer.param_groups[0]['lr']").text.strip() == "0.1"
    live.wait_for(picture_came(cell), seconds=120)
    live("search.wait()")
    assert live("str(search.status), len(search.trials)").text.strip() == "('completed', 8)"
    shown = live("search")
    assert any("image/png" in data for data in shown.shown)
    assert "Best val_loss" in shown.text and "trials.csv" in shown.text and "learning_rate:" in shown.text

    live("%env NBTRAIN_WAIT=1")
    cell = live(LINE.format("batch") + " --n-trials 2")
    assert cell.text.count("completed  val_loss") == 2, "a line a trial where nobody looks"
    assert any("image/png" in data for data in cell.shown)
    assert not any(WIDGET in data for data in cell.shown)


def test_a_proposed_command_runs_at_a_click(live: Any) -> None:
    """`%train command` shows a command and a button; only a click runs it, and its output is here."""
    live(
        "from pathlib import Path\n"
        "Path('hello.py').write_text('import argparse\\n# model.fit()\\n"
        "if __name__ == \"__main__\":\\n    print(\"hello from it\")\\n')"
    )
    cell = live("%train command train hello")
    assert "python hello.py" in cell.text and "hello from it" not in cell.text
    (bar,) = [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data]
    live.send(bar, {"type": "start"})
    live.wait_for(came(cell, lambda data: "ended with status 0" in data.get("text/plain", "")))
    assert "hello from it" in cell.text
    refused = live("%train command 'train hello; rm -rf .'")
    assert "knows no shell" in refused.printed + "".join(refused.error)
