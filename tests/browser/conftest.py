"""What the browser tests share: one JupyterLab, and where the screenshots go.

NBTRAIN_SCREENSHOTS=docs/images pytest -m browser tests/browser

writes the pictures that the documentation shows; without it they are taken all the same and thrown away.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.lab import ROOT, Lab

MOST_BYTES = 300_000  # of a picture in the documentation
COLOURS = 256  # where it would have more
GAP = 12  # pixels between parts

Shoot = Callable[..., Path]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Lab]:
    """Give a running JupyterLab, light."""
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    """Give `shoot(name, *elements)`: write the picture of these parts of a page, one below the other."""
    folder = ROOT / os.environ["NBTRAIN_SCREENSHOTS"] if os.environ.get("NBTRAIN_SCREENSHOTS") else tmp_path
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str, *parts: Any) -> Path:
        pictures = [Image.open(io.BytesIO(part.screenshot(animations="disabled"))) for part in parts]
        path = folder / f"{name}.png"
        whole = stacked(pictures)
        whole.save(path, optimize=True)
        if path.stat().st_size > MOST_BYTES:
            whole.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)
        assert path.stat().st_size < MOST_BYTES, f"{path.name} has {path.stat().st_size:,} bytes"
        return path

    return take


def stacked(pictures: list[Image.Image]) -> Image.Image:
    """Return the pictures one below the other, on white."""
    width = max(one.width for one in pictures)
    height = sum(one.height for one in pictures) + GAP * (len(pictures) - 1)
    whole = Image.new("RGB", (width, height), "white")
    top = 0
    for one in pictures:
        whole.paste(one.convert("RGB"), (0, top))
        top += one.height + GAP
    return whole
