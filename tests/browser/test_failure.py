"""What is seen before the first step, and when the person's own code fails."""

from __future__ import annotations

import pytest

from tests.browser.lab import Lab
from tests.browser.seen import FIGURE, Panel, until
from tests.browser.setups import LOAD, SMALL

pytestmark = pytest.mark.browser
BREAKS = """\
import threading
gate = threading.Event()

class Fragile(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.seen = nn.Linear(20, 3), 0

    def forward(self, x):
        if threading.current_thread() is not threading.main_thread():
            gate.wait()
            self.seen += 1
            if self.seen == 40:
                raise ValueError("this batch broke Fragile")
        return self.body(x)

model = Fragile()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
"""


def test_waiting_then_failed(lab: Lab) -> None:
    """The panel says that it waits for a step; when the model raises, the cell shows the traceback."""
    cells = [SMALL + BREAKS, LOAD, "run = %train --epochs 3 --name fragile --yes"]
    with lab.cells(cells) as notebook:
        notebook.run_all()
        page = notebook.page
        panel = Panel(notebook)
        panel.el.get_by_text("Waiting for the first step").first.wait_for(timeout=60_000)
        assert panel.status() == "running" and panel.step() == 0
        notebook.wait_done()

        notebook.ask("gate.set()")
        cell = page.locator(".jp-Cell").last
        cell.locator(FIGURE).wait_for(timeout=60_000)
        report = cell.locator(".nbt-report").last
        until(page, lambda: "this batch broke Fragile" in report.inner_text(), "the person's error", 30)
        assert "Training Failed" in report.inner_text() and "in forward" in report.inner_text()
        assert panel.el.count() == 0
        assert notebook.ask("run.status.value") == "failed"
        assert notebook.ask("1 + 1") == "2"
