"""A planned run in JupyterLab: nothing starts before the click on Start."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.lab import Lab
from tests.browser.seen import Panel
from tests.browser.setups import quickstart_until_training

pytestmark = pytest.mark.browser
# Buttons whose name for screen readers and voice control leaves out what is written on them (WCAG 2.5.3).
MISNAMED = """panel => [...panel.querySelectorAll('button')].filter(button => {
  const name = (button.getAttribute('aria-label') ?? button.innerText).toLowerCase();
  return !name.includes(button.innerText.trim().toLowerCase());
}).map(button => button.outerHTML)"""


def test_the_plan_waits_for_start(lab: Lab, shoot: Callable[..., None]) -> None:
    """`%train` shows plan and button and starts nothing; a click brings the live panel, and Stop ends it."""
    *cells, _ = quickstart_until_training(epochs=400, name="")
    with lab.cells([*cells, "run = %train --epochs 400 --name planned"], scale=1.5) as notebook:
        notebook.run_all()
        page = notebook.page
        start = page.locator(".nbtrain-start")
        start.wait_for(timeout=60_000)
        notebook.wait_done()
        assert notebook.ask("run.status.value") == "planned"
        assert not list(lab.work.glob("runs/planned-*"))
        outputs = page.locator(".jp-Cell", has=start).locator(".jp-OutputArea-output")
        plan = outputs.locator(".nbt-report")
        for words in ("model", "optimizer", "CosineAnnealingLR", "18,000"):
            assert words in plan.inner_text()
        plan_width = plan.bounding_box()["width"]
        shoot("plan-light", plan, outputs.filter(has=start).locator(".nbtrain-start-bar"))

        start.click()
        panel = Panel(notebook)
        panel.wait_charts()
        panel.wait_step(5)
        assert panel.el.evaluate(MISNAMED) == []
        assert panel.el.bounding_box()["width"] == pytest.approx(plan_width, abs=2)
        assert start.is_hidden()
        panel.press("stop-step")
        panel.el.wait_for(state="detached", timeout=60_000)
        assert notebook.ask("run.status.value") == "stopped"
