"""What a person sees of nbtrain in a page: the panel's words and charts, read off the screen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from tests.browser.lab import Notebook

FIGURE = ".jp-RenderedImage img"


def until(page: Any, condition: Callable[[], Any], what: str, timeout: float = 60) -> Any:
    """Return what `condition` returns once that is true; the page goes on working meanwhile (seconds)."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        page.wait_for_timeout(100)
    return value


class Panel:
    """A run's panel in a page.

    Args:
        notebook: where it is. cell: index of the cell that shows it, None for the first of all.
    """

    def __init__(self, notebook: Notebook, cell: int | None = None) -> None:
        self.page = notebook.page
        place = self.page if cell is None else self.page.locator(".jp-Cell").nth(cell)
        self.el = place.locator(".nbtrain-panel").first

    def wait_charts(self) -> None:
        """Wait for the first curve, and bring the panel into sight: out of sight it draws nothing more."""
        self.el.locator(".nbt-chart[data-chart=loss] .u-over").wait_for(timeout=60_000)
        self.el.scroll_into_view_if_needed()

    def status(self) -> str:
        """Return the word in the chip."""
        return self.el.locator(".nbtrain-status").inner_text().strip()

    def wait_status(self, word: str, timeout: float = 60) -> None:
        """Wait until the chip says `word`."""
        until(self.page, lambda: self.status() == word, f"the panel says {word}", timeout)

    def step(self) -> int:
        """Return the step that the panel names."""
        words = self.el.locator(".nbt-where").inner_text()
        return int(re.search(r"step ([\d,]+)", words)[1].replace(",", ""))

    def wait_step(self, step: int, timeout: float = 120) -> None:
        """Wait until the panel names `step` or a later one."""
        until(self.page, lambda: self.step() >= step, f"step {step}", timeout)

    def newest_in_chart(self, chart: str = "loss") -> int:
        """Return the step of the newest point of a chart, as its crosshair says it."""
        over = self.el.locator(f".nbt-chart[data-chart={chart}] .u-over")
        over.scroll_into_view_if_needed()
        tip = self.el.locator(f".nbt-chart[data-chart={chart}] .nbt-tip-step")

        def said() -> str | None:
            box = over.bounding_box()
            self.page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
            self.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
            return tip.text_content() if tip.count() and tip.is_visible() else None

        words = until(self.page, said, f"the crosshair of the chart {chart}")
        return int(words.removeprefix("step ").replace(",", ""))

    def press(self, action: str) -> None:
        """Click a button: pause, resume, stop-step, stop-epoch, save."""
        self.el.locator(f"[data-action={action}]").click()

    def open(self, tab: str) -> None:
        """Open a tab: Charts, Inspector, Log."""
        self.el.get_by_role("tab", name=tab).click()

    def rest(self) -> None:
        """Take the pointer off the charts."""
        self.page.mouse.move(2, 2)
