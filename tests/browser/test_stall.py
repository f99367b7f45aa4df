"""A loss that does not move: the alert's buttons raise the rate and draw new weights, from the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.lab import Lab
from tests.browser.seen import Panel, until
from tests.browser.setups import LOAD, PACED, SMALL

pytestmark = pytest.mark.browser

FLAT = """\
class Flat(nn.Module):
    def forward(self, output, target):
        return output.sum() * 0 + 2.5


criterion = Flat()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
weights = [p.detach().clone() for p in model.parameters()]
"""


def test_the_buttons_of_a_stall_do_what_they_say(lab: Lab, shoot: Callable[..., None]) -> None:
    """The page opens at the alert; Raise the rate triples it; New weights asks first, then draws them."""
    cells = [SMALL, FLAT + PACED, LOAD, "run = %train --epochs 100000 --name flat --yes"]
    with lab.cells(cells, width=1180) as notebook:
        notebook.run_all()
        panel = Panel(notebook)
        panel.wait_charts()
        alerts = panel.el.locator(".nbt-alert-offers").first
        until(notebook.page, lambda: alerts.count(), "the alert of the stall", 120)
        if not alerts.is_visible():
            panel.el.locator(".nbt-alerts summary").first.click()

        panel.el.locator(".nbt-alert-list summary").first.click()
        page = panel.el.locator(".nbt-alert-page .nbt-report").first
        page.wait_for(timeout=15_000)
        assert "What to do, in this order" in page.inner_text()
        shoot("alert-light", panel.el.locator(".nbt-alerts"))
        panel.el.locator(".nbt-alert-list summary").first.click()

        panel.el.locator(".nbtrain-raise-lr").first.click()
        tile = panel.el.locator("[data-tile=lr] .nbt-tile-value")
        until(notebook.page, lambda: tile.inner_text() == "0.03", "the new rate in its tile")
        changed = "[(e['kind'], e['from'], e['to']) for e in run.events if e['kind'] == 'lr']"
        assert notebook.ask(changed) == "[('lr', 0.01, 0.03)]"

        unmoved = "all(torch.equal(a, b) for a, b in zip(weights, model.parameters()))"
        button = panel.el.locator(".nbtrain-new-weights").first
        button.click()
        assert button.inner_text() == "Press again: what was learned is lost"
        assert notebook.ask(unmoved) == "True"
        button.click()
        until(notebook.page, lambda: notebook.ask(unmoved) == "False", "new weights")
        assert notebook.ask("run.stop() or run.wait(30).status.value") == "stopped"
