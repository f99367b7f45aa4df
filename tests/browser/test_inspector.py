"""The inspector alone: it shows a model as a tree and follows what other cells do to it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from tests.browser.lab import Lab
from tests.browser.seen import until
from tests.browser.setups import SMALL

pytestmark = pytest.mark.browser
LARGE = "large = nn.ModuleList(nn.ModuleList(nn.Linear(2, 2) for _ in range(99)) for _ in range(100))"


def test_it_follows_the_objects(lab: Lab, shoot: Callable[..., None]) -> None:
    """A rate set or a layer frozen elsewhere shows within seconds; a model of 10,000 modules opens."""
    with lab.cells(
        [SMALL + LARGE, "%load_ext nbtrain\n%train inspect model"], scale=1.5, width=1180
    ) as notebook:
        notebook.run_all()
        page = notebook.page
        inspector = page.locator(".nbtrain-inspector").first
        rows = inspector.locator(".nbt-tree-row")
        until(page, lambda: rows.count() == 5, "the model's five modules", 60)
        assert "1,539" in rows.first.inner_text()
        assert "16 × 64" in rows.nth(1).inner_text(), "the output shape, without a run"
        optimizer = inspector.locator(".nbt-block", has_text="AdamW")
        assert optimizer.locator("td").nth(1).inner_text() == "0.001"
        shoot("inspector-light", inspector)

        notebook.ask("optimizer.param_groups[0].update(lr=0.0125)")
        until(page, lambda: optimizer.locator("td").nth(1).inner_text() == "0.0125", "the new lr", 10)
        notebook.ask("model[0].requires_grad_(False)")
        frozen = rows.filter(has_text="frozen")
        until(page, lambda: frozen.count() == 1 and "Linear" in frozen.inner_text(), "the frozen layer", 10)

        began = time.monotonic()
        notebook.run("nbtrain.inspect(large)")
        large = page.locator(".nbtrain-inspector").nth(1)
        large.get_by_text("10,001 modules").wait_for(timeout=30_000)
        print(f"a model of 10,001 modules was open after {time.monotonic() - began:.2f} s", file=sys.stderr)
        large.get_by_text("Expand all").click()
        assert 5 < large.locator(".nbt-tree-row").count() < 60
