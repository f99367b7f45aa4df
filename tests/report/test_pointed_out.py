"""Shades and circles on a plot: they are drawn in their tone, and leave the rest as it was."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
from PIL import Image

from nbtrain.report.figures import draw
from nbtrain.report.model import Axes, Circle, Figure, Series, Shade
from nbtrain.report.theme import palette

X = tuple(float(n) for n in range(1, 41))
FALL, FLAT = tuple(1 / n for n in range(1, 41)), tuple(0.6 for _ in range(40))
PLAIN = Axes("Loss", (Series("train", X, FALL, role="train"), Series("valid", X, FLAT, role="valid")))


def pixels(axes: Axes) -> np.ndarray:
    picture = draw(Figure((axes,), "alt", columns=1))
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


def test_a_gap_is_shaded_between_its_curves() -> None:
    """The shade between two curves changes the pixels between them from its start on, and none before."""
    shaded = replace(PLAIN, shades=(Shade(20, 40, "", "warning", between=True),))
    changed = np.abs(pixels(shaded) - pixels(PLAIN)).sum(2) > 20
    rows, columns = np.nonzero(changed)

    assert changed.sum() > 2000
    assert columns.min() > 0.4 * changed.shape[1], "nothing before the twentieth of forty"
    assert rows.max() - rows.min() < 0.9 * changed.shape[0]


def test_a_circle_has_the_colour_of_its_tone() -> None:
    """A ring in the tone's colour stands where the point is, with its label."""
    circled = replace(PLAIN, circles=(Circle(20, 0.3, "spike", "critical"),))
    red = np.array([int(palette()["critical"][at : at + 2], 16) for at in (1, 3, 5)])
    seen = np.abs(pixels(circled) - red).sum(2) < 40

    assert seen.sum() > 30
    assert (np.abs(pixels(PLAIN) - red).sum(2) < 40).sum() == 0


def test_what_has_no_place_is_left_out() -> None:
    """Shades and circles without a finite place draw nothing and break nothing."""
    odd = replace(
        PLAIN,
        shades=(Shade(math.nan, 3, "x"), Shade(5, math.inf, "y", between=True)),
        circles=(Circle(3, math.nan, "z"),),
    )
    only = replace(PLAIN, series=PLAIN.series[:1], shades=(Shade(5, 10, "alone", between=True),))

    assert pixels(odd).shape == pixels(PLAIN).shape == pixels(only).shape
