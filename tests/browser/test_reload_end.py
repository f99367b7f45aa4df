"""A run that ends after a reload of the page, or while no page is open, ends as a picture all the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.lab import Lab, Notebook
from tests.browser.seen import FIGURE, Panel, until
from tests.browser.setups import LOAD, PACED, SMALL

pytestmark = pytest.mark.browser

WIDGET = "application/vnd.jupyter.widget-view+json"


def outputs(saved: dict[str, Any], cell: int = -1) -> list[dict[str, Any]]:
    return [output for output in saved["cells"][cell]["outputs"] if "data" in output]


def ends_as_a_picture(notebook: Notebook, cell: int) -> None:
    """The cell shows picture and report and no panel, in the page and in the saved file."""
    place = notebook.page.locator(".jp-Cell").nth(cell)
    place.locator(FIGURE).wait_for(timeout=60_000)
    until(notebook.page, lambda: place.locator(".nbtrain-panel").count() == 0, "the panel is gone")
    assert "Training Stopped" in place.inner_text()
    data = [output["data"] for output in outputs(notebook.save(), cell)]
    assert sum("image/png" in one for one in data) == 1
    assert not any(WIDGET in one for one in data)
    assert "Training Stopped" in "".join(data[-1]["text/plain"])


def test_a_run_that_ends_while_no_page_is_open_is_a_picture(lab: Lab) -> None:
    """Who comes back after the end finds picture and report, though the file was saved with the panel."""
    with lab.open([LOAD, SMALL + PACED, "%train --epochs 100000 --as run", "run.start();"]) as notebook:
        notebook.run_all()
        Panel(notebook).wait_charts()
        notebook.wait_done()
        assert any(WIDGET in output["data"] for output in outputs(notebook.save(), 2))
        notebook.page.goto("about:blank")
        session = next(one for one in lab.rest("GET", "/api/sessions") if one["path"] == notebook.path.name)
        stop_in_kernel(lab, session["kernel"]["id"])
        notebook.load()
        ends_as_a_picture(notebook, 2)


def test_a_run_that_starts_and_ends_after_a_reload_is_a_picture(lab: Lab) -> None:
    """In a page loaded again Start is followed by the panel, and the panel by picture and report."""
    with lab.open([LOAD, SMALL + PACED, "%train --epochs 100000 --as run"]) as notebook:
        notebook.run_all()
        notebook.page.locator(".nbtrain-start").wait_for(timeout=60_000)
        notebook.wait_done()
        notebook.save()
        notebook.load()
        notebook.page.locator(".nbtrain-start").wait_for(timeout=60_000)
        notebook.page.locator(".nbtrain-start").click()
        panel = Panel(notebook)
        panel.wait_charts()
        assert notebook.page.locator(".nbtrain-start").count() == 0
        panel.wait_step(panel.step() + 1)
        panel.press("stop-step")
        ends_as_a_picture(notebook, 2)


def stop_in_kernel(lab: Lab, kernel: str) -> None:
    """Stop the run and wait for its end, through a client of our own."""
    from jupyter_client.blocking import BlockingKernelClient

    client = BlockingKernelClient(connection_file=str(lab.home / "run" / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    try:
        reply = client.execute_interactive("run.stop(); run.wait();", timeout=60, output_hook=len)
        assert reply["content"]["status"] == "ok"
    finally:
        client.stop_channels()
