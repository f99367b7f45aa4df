"""The quickstart in JupyterLab: live, obedient while another cell is busy, and a picture in the end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.lab import ROOT, Lab, Notebook
from tests.browser.seen import FIGURE, Panel, until

pytestmark = pytest.mark.browser
WIDGET = "application/vnd.jupyter.widget-view+json"
STILL_MS = 1500  # in which a training run makes a hundred steps


def manifest_of(lab: Lab, name: str) -> dict[str, Any]:
    (path,) = lab.work.glob(f"runs/{name}-*/manifest.json")
    return json.loads(path.read_text())


def test_the_quickstart(lab: Lab, shoot: Callable[..., None]) -> None:
    """Charts grow, Pause and Resume work beside a busy cell, all cells pass, and a picture is what stays."""
    with lab.open(ROOT / "notebooks" / "quickstart.ipynb", height=1900, scale=1.5) as notebook:
        notebook.run_all()
        panel = Panel(notebook)
        panel.wait_charts()
        grows(panel)
        is_busy(notebook)
        pauses_and_resumes(lab, panel)
        is_busy(notebook)
        panel.wait_step(900)
        pictures_of(notebook, panel, shoot)

        notebook.wait_done()
        notebook.page.wait_for_selector(".nbtrain-panel", state="detached", timeout=60_000)
        report_picture(notebook, shoot)
        is_kept(notebook)
        assert manifest_of(lab, "digits")["status"] == "completed"


def grows(panel: Panel) -> None:
    first = panel.newest_in_chart()
    until(panel.page, lambda: panel.newest_in_chart() > first + 20, "the loss chart grows")
    panel.rest()


def is_busy(notebook: Notebook) -> None:
    """The cell `run.wait()` is what runs now; JupyterLab's sign says idle after each click all the same."""
    prompt = notebook.page.locator(".jp-CodeCell", has_text="run.wait();").locator(".jp-InputPrompt")
    before = notebook.page.locator(".jp-CodeCell", has_text="run.progress").locator(".jp-InputPrompt").first
    until(notebook.page, lambda: re.search(r"\d", before.inner_text()), "the cell before has run", 30)
    assert "*" in prompt.inner_text()


def pauses_and_resumes(lab: Lab, panel: Panel) -> None:
    panel.press("pause")
    panel.wait_status("paused", timeout=15)
    until(panel.page, lambda: manifest_of(lab, "digits")["status"] == "paused", "paused in the manifest", 15)
    step = panel.step()
    panel.page.wait_for_timeout(STILL_MS)
    assert panel.step() == step == manifest_of(lab, "digits")["progress"]["step"]

    panel.press("resume")
    panel.wait_status("running", timeout=15)
    panel.wait_step(step + 1)
    panel.rest()


def pictures_of(notebook: Notebook, panel: Panel, shoot: Callable[..., None]) -> None:
    """Also: the panel follows a change of theme, and its inspector opens while the kernel is busy."""
    shoot("panel-light", panel.el)
    notebook.theme(dark=True)
    notebook.page.wait_for_selector(".nbtrain-panel[data-theme=dark]", timeout=15_000)
    shoot("panel-dark", panel.el)
    panel.open("Inspector")
    panel.rest()
    panel.el.locator(".nbt-tree-live .nbt-tree-row").first.wait_for(timeout=30_000)
    panel.el.locator(".nbt-blocks").last.get_by_text("val_loader").wait_for(timeout=30_000)
    shoot("inspector-dark", panel.el)
    panel.open("Charts")
    notebook.theme(dark=False)


def report_picture(notebook: Notebook, shoot: Callable[..., None]) -> None:
    cell = notebook.page.locator(".jp-Cell", has_text="run = %train")
    poster = cell.locator(FIGURE)
    poster.wait_for(timeout=30_000)
    report = cell.locator(".nbt-report", has_text="Training Complete")
    report.wait_for(timeout=30_000)
    shoot("report-light", poster, report)


def is_kept(notebook: Notebook) -> None:
    saved = notebook.save()
    (train,) = [cell for cell in saved["cells"] if "run = %train" in "".join(cell["source"])]
    shown = [output["data"] for output in train["outputs"] if "data" in output]
    pictures = [data for data in shown if "image/png" in data]
    assert len(pictures) == 1
    assert "digits" in "".join(pictures[0]["text/plain"])
    assert not [data for data in shown if WIDGET in data]
    assert not [o for cell in saved["cells"] for o in cell.get("outputs", []) if o["output_type"] == "error"]
