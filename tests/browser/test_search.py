"""A search in JupyterLab: the board follows, a click stops it, picture and report remain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.lab import Lab
from tests.browser.setups import LOAD, SMALL

pytestmark = pytest.mark.browser


def test_the_board_follows_and_a_click_stops_the_search(lab: Lab, shoot: Callable[..., None]) -> None:
    """Trials appear in the board while they run; after Stop there are a picture and the way to go on."""
    space = "space = {'lr': {'low': 1e-4, 'high': 1e-1, 'log': True}, 'weight_decay': [0.0, 0.01, 0.1]}"
    how = "--epochs 2 --n-trials 400 --method bayesian --output found"
    line = f"search = %train search --search-space space {how}"
    with lab.cells([SMALL, LOAD, space, line], scale=1.5) as notebook:
        notebook.run_all()
        page = notebook.page
        stop = page.locator(".nbtrain-start")
        stop.wait_for(timeout=60_000)
        outputs = page.locator(".jp-Cell", has=stop).locator(".jp-OutputArea-output")
        board = outputs.locator(".nbt-report")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.nbt-report')]"
            ".some(one => /([3-9]|\\d\\d) of 400 trials/.test(one.innerText))",
            timeout=120_000,
        )
        assert "Best val_loss" in board.first.inner_text() and board.first.locator("img").count()
        shoot("search-board", board.first)
        cell = page.locator(".jp-Cell", has_text="%train search")
        stop.click()
        cell.locator(".nbt-report", has_text="Go on: %train search --resume").wait_for(timeout=60_000)
        assert cell.locator("img[src^='data:image/png']").count() and stop.is_hidden()
        assert notebook.ask("search.status.value") == "stopped"
        shoot("search-end", cell.locator(".jp-OutputArea").first)


def test_a_page_loaded_again_stops_the_search_and_gets_its_end(lab: Lab) -> None:
    """After a reload the Stop button is back and works, and picture and report take the board's place."""
    space = "space = {'lr': {'low': 1e-4, 'high': 1e-1, 'log': True}}"
    line = "search = %train search --search-space space --epochs 2 --n-trials 400 --output again"
    with lab.open([SMALL, LOAD, space, line]) as notebook:
        notebook.run_all()
        notebook.page.locator(".nbtrain-start").wait_for(timeout=60_000)
        notebook.wait_done()
        notebook.save()
        notebook.load()
        stop = notebook.page.locator(".nbtrain-start")
        stop.wait_for(timeout=60_000)
        stop.click()
        cell = notebook.page.locator(".jp-Cell", has_text="%train search")
        cell.locator(".nbt-report", has_text="Go on: %train search --resume").wait_for(timeout=90_000)
        assert cell.locator("img[src^='data:image/png']").count()
        assert notebook.ask("search.status.value") == "stopped"
