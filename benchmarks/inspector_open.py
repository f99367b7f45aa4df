"""What opening the inspector on a large model costs: milliseconds of kernel and page, and bytes between.

Run: `python benchmarks/inspector_open.py`, with Chromium installed for the page's part. Prints the least and
the middle of several rounds, each part by itself in one process, so that a busy machine disturbs all alike.
The page is the bundled inspector in an empty document: JupyterLab's own share is not in it.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

ROUNDS = 7
GROUPS, LAYERS = 100, 99  # 10,001 modules
WIDGET = """async ([source, style, packed, rounds]) => {
  document.head.append(Object.assign(document.createElement('style'), {textContent: style}));
  const {default: widget} = await import(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
  const times = [];
  for (let i = 0; i < rounds; i++) {
    const el = document.body.appendChild(document.createElement('div'));
    let take;
    const model = {on: (_, f) => { take = f; }, off: () => {}, send: () => {}, get: () => undefined};
    const close = widget().render({model, el});
    const data = new DataView(new TextEncoder().encode(packed).buffer);
    const began = performance.now();
    take({type: 'model'}, [data]);
    const built = performance.now();
    el.getBoundingClientRect();  // layout is part of what a person waits for
    const laidOut = performance.now();
    times.push([built - began, laidOut - built, el.querySelectorAll('.nbt-tree-row').length]);
    close();
    el.remove();
  }
  return times;
}"""


def model_of_10000() -> nn.Module:
    """Return a model of 10,001 modules that can be called."""
    return nn.Sequential(*(nn.Sequential(*(nn.Linear(2, 2) for _ in range(LAYERS))) for _ in range(GROUPS)))


def timed(action: Callable[[], Any]) -> tuple[list[float], Any]:
    """Return milliseconds of each round, and what the last one returned."""
    times, result = [], None
    for _ in range(ROUNDS):
        began = time.perf_counter()
        result = action()
        times.append(1e3 * (time.perf_counter() - began))
    return times, result


def kernel_parts() -> tuple[dict[str, list[float]], bytes]:
    """Return the milliseconds of each part of the kernel's work, and what goes to the page."""
    import nbtrain
    from nbtrain.notebook.describe import describe_model
    from nbtrain.train import shapes
    from nbtrain.widgets import wire

    model = model_of_10000()
    optimizer = torch.optim.AdamW(model.parameters())
    known = {"model": model, "optimizer": optimizer}
    batch = torch.zeros(4, 2)

    def look() -> Any:
        shapes._seen.clear()
        return nbtrain.inspect(model, namespace=known, data=batch)

    parts: dict[str, list[float]] = {}
    parts["inspect(model)"], _ = timed(lambda: nbtrain.inspect(model, namespace=known))
    parts["inspect(model, data=batch)"], inspection = timed(look)
    parts["its stand-in for a saved file"], _ = timed(lambda: inspection.report().to_html())
    seen = inspection.output_shapes.still(model)
    parts["describe the model"], told = timed(
        lambda: describe_model(model, optimizers={"optimizer": optimizer}, output_shapes=seen)
    )
    heading = wire.head(told, name="model", training=True)
    parts["write it for the page"], packed = timed(lambda: wire.packed(told["modules"], heading))
    return parts, packed


def page_parts(packed: bytes) -> dict[str, list[float]] | None:
    """Return the milliseconds of the page's work: decode and build, then layout; None without a Chromium."""
    from tests.browser.lab import CHROMIUM_FLAGS, chromium

    path = chromium()
    if path is None:
        return None
    from playwright.sync_api import sync_playwright

    static = ROOT / "nbtrain" / "widgets" / "static"
    source, style = ((static / f"inspector.{kind}").read_text() for kind in ("js", "css"))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1180, "height": 900})
        times = page.evaluate(WIDGET, [source, style, packed.decode(), ROUNDS])
        browser.close()
    assert all(rows > 0 for _, _, rows in times), "the page shows no row"
    return {"decode and build": [one[0] for one in times], "lay out": [one[1] for one in times]}


def main() -> None:
    """Print a line for each part."""
    parts, packed = kernel_parts()
    modules = len(json.loads(packed)["names"])
    print(f"{modules:,} modules, {len(packed):,} bytes to the page, {ROUNDS} rounds")
    page = page_parts(packed)
    for place, measured in (("kernel", parts), ("page", page or {})):
        for name, times in measured.items():
            print(f"{place:>7}  {name:<32} {min(times):7.0f} ms, middle {statistics.median(times):7.0f} ms")
    if page is None:
        print("   page  not measured: no chromium here")


if __name__ == "__main__":
    main()
