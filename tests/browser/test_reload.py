"""The page is loaded again while the training goes on; the run is stopped from the panel that came back."""

from __future__ import annotations

import pytest

from tests.browser.lab import Lab
from tests.browser.seen import FIGURE, Panel, until
from tests.browser.setups import LOAD, PACED, SMALL

pytestmark = pytest.mark.browser


def test_the_panel_comes_back_and_stops_the_run(lab: Lab) -> None:
    """After a reload the panel is back and live, here and by `%train status`, and stops at a boundary."""
    with lab.open([LOAD, SMALL + PACED, "run = %train --epochs 100000 --name reloaded --yes"]) as notebook:
        notebook.run_all()
        panel = Panel(notebook)
        panel.wait_charts()
        panel.wait_step(30)
        notebook.wait_done()
        notebook.save()

        notebook.load()
        panel = Panel(notebook)
        panel.wait_charts()
        first = panel.newest_in_chart()
        assert first >= 30  # what was drawn before the reload is there again
        until(notebook.page, lambda: panel.newest_in_chart() > first, "the panel in its cell is live")
        panel.rest()

        notebook.run("%train status")
        notebook.page.locator(".nbtrain-panel").nth(1).wait_for(timeout=30_000)
        again = Panel(notebook, cell=-1)
        again.wait_charts()
        again.wait_step(again.step() + 1)
        again.press("stop-step")
        notebook.page.locator(".jp-Cell").last.locator(FIGURE).wait_for(timeout=60_000)
        stops_at_a_boundary(notebook)
        notebook.page.locator(".jp-Cell").nth(2).locator(FIGURE).wait_for(timeout=60_000)


def stops_at_a_boundary(notebook) -> None:
    assert notebook.ask("run.status.value") == "stopped"
    step = int(notebook.ask("run.progress.step"))
    assert int(notebook.ask("run.history.index[-1]")) == step
    assert int(notebook.ask("int(optimizer.state[next(model.parameters())]['step'])")) == step
