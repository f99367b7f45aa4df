"""What the browser tests share: one JupyterLab, and where the screenshots go.

NBTRAIN_SCREENSHOTS=docs/images pytest -m browser tests/browser

writes the pictures that the documentation shows; without it they are taken all the same, at a scale of 1, and
thrown away.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.lab import PICTURES, ROOT, Lab

MOST_BYTES = 300_000  # of a picture in the documentation
COLOURS = 256  # where it would have more
GAP = 12  # pixels between parts

Shoot = Callable[..., None]


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Lab]:
    """Give a running JupyterLab, light, until the last test here: Playwright's event loop ends with it."""
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def shoot() -> Shoot:
    """Give `shoot(name, *elements)`: the picture of these parts of a page, one below the other."""

    def take(name: str, *parts: Any) -> None:
        pictures = [Image.open(io.BytesIO(part.screenshot(animations="disabled"))) for part in parts]
        if PICTURES:
            write(stacked(pictures), ROOT / PICTURES / f"{name}.png")

    return take


def write(picture: Image.Image, path: Path) -> None:
    """Write a picture of the documentation, small."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        picture.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, f"{path.name} has {path.stat().st_size:,} bytes"


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
