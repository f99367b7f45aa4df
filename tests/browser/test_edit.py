"""A run changed and looked into while it trains: the edit row, the layers' heat map, what watching costs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.browser.lab import Lab, Notebook
from tests.browser.seen import Panel, until
from tests.browser.setups import LOAD, PACED, SMALL

pytestmark = pytest.mark.browser


def test_a_run_is_changed_and_looked_into_from_its_panel(lab: Lab, shoot: Callable[..., None]) -> None:
    """By keyboard alone the rate is halved, nonsense is answered in words, a layer's value is read."""
    cells = [SMALL + PACED, LOAD, "run = %train --epochs 100000 --name edited --yes"]
    with lab.cells(cells, width=1180, scale=1.5) as notebook:
        notebook.run_all()
        panel = Panel(notebook)
        panel.wait_charts()
        edits(notebook, panel)
        looks_at_layers(notebook, panel)
        cost = panel.el.locator(".nbt-cost")
        until(notebook.page, cost.is_visible, "what watching costs", 30)
        assert re.fullmatch(r"Watching costs [\d.]+ % of the training time\.", cost.inner_text())
        shoot("layers-light", panel.el.locator(".nbt-heat"))
        assert notebook.ask("run.stop() or run.wait(30).status.value") == "stopped"


def edits(notebook: Notebook, panel: Panel) -> None:
    page, keys = notebook.page, notebook.page.keyboard
    toggle, said = panel.el.locator("[data-action=edit]"), panel.el.locator(".nbt-edit-said")
    field = panel.el.locator("input[name=lr]")
    toggle.focus()
    keys.press("Enter")
    until(page, lambda: field.input_value() == "0.001", "the rate as it stands")
    keys.type("*0.5")  # the field is focused and its text selected
    keys.press("Enter")
    until(page, lambda: "lr times 0.5" in said.inner_text(), "the answer")
    until(page, lambda: field.input_value() == "5e-4", "the new rate in the field")
    tile = panel.el.locator("[data-tile=lr] .nbt-tile-value")
    until(page, lambda: tile.inner_text() == "5e-4", "the new rate in its tile")
    assert notebook.ask("[(e['kind'], e['from'], e['to']) for e in run.events]") == "[('lr', 0.001, 0.0005)]"

    keys.press("Tab")
    keys.type("many")
    keys.press("Enter")
    until(page, lambda: "epochs is 'many', which is no number" in said.inner_text(), "words for nonsense")
    keys.press("Escape")
    assert field.is_hidden()
    assert toggle.evaluate("el => el === document.activeElement")
    assert notebook.ask("len(run.events)") == "1"


def looks_at_layers(notebook: Notebook, panel: Panel) -> None:
    panel.open("Inspector")
    heat = panel.el.locator(".nbt-heat")
    heat.wait_for(timeout=30_000)
    assert "2 layers" in heat.inner_text()
    heat.locator("[data-measure='1']").click()
    canvas, tip = heat.locator("canvas"), heat.locator(".nbt-heat-tip")
    canvas.focus()
    notebook.page.keyboard.press("ArrowLeft")
    notebook.page.keyboard.press("ArrowDown")
    words = tip.inner_text().splitlines()
    assert words[0] == "3"
    assert re.fullmatch(r"update ratio [\d.e-]+", words[1])
    assert re.fullmatch(r"step [\d,]+", words[2])
