"""The picture that stays of a run: complete, small, and right for any content."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nbtrain.report import theme
from nbtrain.report.model import Axes, Figure, Series
from nbtrain.report.poster import WIDTH, Poster, draw_poster, poster_text
from tests.report.test_figures import has_colour

RNG = np.random.default_rng(0)
STEPS = tuple(map(float, range(2000)))
NOISY = tuple((np.exp(-np.arange(2000) / 400) + RNG.normal(0, 0.1, 2000)).tolist())
LOSS = Axes(
    "Loss",
    (Series("raw", STEPS, NOISY, "faint", "train"), Series("valid", STEPS[::50], NOISY[::50], role="valid")),
)
POSTER = Poster(
    "digits-cnn",
    "completed",
    "good",
    (("final train loss", "0.061"), ("steps", "1,350"), ("time", "0:42")),
    (("good", "Converged: validation loss 0.09."), ("warning", "Validation is noisy.")),
    Figure((LOSS,) * 4, "Loss falls from 1.0 to 0.09."),
)


@pytest.mark.parametrize("count", range(6))
def test_it_is_small_and_of_its_size_with_any_number_of_plots(count: int) -> None:
    """From no plot to five the picture is 1000 CSS pixels wide, under 700 high and under 200 KB."""
    png = draw_poster(replace(POSTER, figure=Figure((LOSS,) * count, "alt")))
    image = Image.open(io.BytesIO(png))

    assert image.width == 2 * WIDTH and image.height < 1400 and len(png) < 200_000
    assert has_colour(png, theme.LIGHT["valid"], 200) is (count > 0)


@pytest.mark.parametrize("status", theme.TONE_OF_STATUS)
def test_the_chip_has_the_tone_of_the_status(status: str) -> None:
    """Each status is drawn in its tone."""
    tone = theme.TONE_OF_STATUS[status]
    png = draw_poster(replace(POSTER, status=status, tone=tone))

    assert has_colour(png, theme.LIGHT[tone], 1000) and has_colour(png, theme.LIGHT[f"{tone}-soft"], 1000)


def test_hostile_texts_are_drawn(hostile: str) -> None:
    """Any name, fact or finding gives a picture, long ones cut."""
    long = hostile * 40
    poster = Poster(
        long, long, hostile, ((hostile, long),) * 20, ((hostile, long),) * 20, Figure((LOSS,), hostile)
    )
    image = Image.open(io.BytesIO(draw_poster(poster)))

    assert image.width == 2 * WIDTH and image.height < 1600
    assert "\x1b" not in poster_text(poster)


def test_the_text_says_what_the_picture_shows() -> None:
    """Name, status, every fact, every finding and the description of the curves are in the words."""
    text = poster_text(POSTER)

    said = ["digits-cnn: completed", "final train loss  0.061", "Converged: validation loss 0.09.",
            "Validation is noisy.", "Loss falls from 1.0 to 0.09."]  # fmt: skip
    assert [part for part in said if part not in text] == []


def test_a_bare_poster_is_drawn() -> None:
    """A run without a number or a curve still has its name and status."""
    png = draw_poster(Poster("x", "failed", "critical", (), (), Figure((), "")))

    assert has_colour(png, theme.LIGHT["critical"], 1000)
    assert poster_text(Poster("x", "failed", "critical", (), (), Figure((), ""))).startswith("x: failed")
