"""Figures: they decode, they are not blank, they show what is there, whatever the data and the names."""

from __future__ import annotations

import io
import math
import threading
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from nbtrain.report import theme
from nbtrain.report.canvas import Canvas, drawable
from nbtrain.report.decimate import decimate
from nbtrain.report.figures import draw
from nbtrain.report.model import Axes, Figure, Mark, Series


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def has_colour(png: bytes, colour: str, least: int = 20) -> bool:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(pixels(png) - wanted).max(axis=2) <= 3).sum()) >= least


def one(*series: Series, **named: object) -> Figure:
    return Figure((Axes("Loss", series, **named),), "alt")


LINE = Series("train", tuple(range(50)), tuple(math.exp(-i / 20) for i in range(50)), role="train")


@pytest.mark.parametrize("dark", [False, True])
def test_a_curve_is_drawn_in_the_colour_of_its_role(dark: bool) -> None:
    """Each role has its own colour, on the ground of the theme."""
    for role in theme.ROLES:
        png = draw(one(Series("x", LINE.x, LINE.y, role=role)), dark=dark)

        assert has_colour(png, theme.palette(dark=dark)[role])
        assert has_colour(png, theme.palette(dark=dark)["paper"], 100_000)


def test_size_is_in_css_pixels_times_scale() -> None:
    """A figure is 900 CSS pixels wide; rows add up."""
    two = Figure((Axes("a", (LINE,)),) * 3, "alt", columns=2)

    assert Image.open(io.BytesIO(draw(one(LINE), scale=1))).size == (900, 308)
    assert Image.open(io.BytesIO(draw(two, scale=2))).size == (1800, 992)


@pytest.mark.parametrize(
    "y",
    [
        (),
        (math.nan,) * 3,
        (math.inf, -math.inf, math.nan),
        (1.0,),
        (0.0, 0.0, 0.0),
        (1e-300, 1e300, 1.0),
        (1.0, math.nan, 3.0),
        (-5.0, -5.0),
        (1e-8, 2e-8),
        (5e-324, 1e-323),
    ],
)
def test_any_numbers_are_drawn(y: tuple[float, ...]) -> None:
    """Nothing, non-finite, a single point, constants and extremes all give a picture that is not blank."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for log in (False, True):
            png = draw(one(Series("s", tuple(range(len(y))), y), log_y=log), scale=1)

            assert len(np.unique(pixels(png).reshape(-1, 3), axis=0)) > 5


def test_an_empty_plot_says_so_and_draws_no_curve() -> None:
    """Without a number there is the card that says no data yet, and no colour of the series."""
    png = draw(one(Series("s", (1.0,), (math.nan,), role="train")))

    assert has_colour(png, theme.LIGHT["card"], 10_000) and not has_colour(png, theme.LIGHT["train"], 1)


def test_hostile_names_are_drawn_without_a_warning(hostile: str) -> None:
    """Formulas, underscores, control characters and letters that no font has are drawn as text."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        name = "_" + hostile
        figure = one(Series(name, LINE.x, LINE.y), x_label=name, y_label=name, marks=(Mark(3.0, name),))
        png = draw(Figure((Axes(name, figure.axes[0].series, marks=figure.axes[0].marks),), name))

    assert has_colour(png, theme.LIGHT["ink"])


def test_settings_of_the_person_change_nothing_and_stay() -> None:
    """A style, usetex or xkcd set in the notebook neither changes our picture nor is changed by it."""
    before = draw(one(LINE))
    with mpl.rc_context({"text.usetex": True, "lines.linewidth": 9, "axes.facecolor": "red", "font.size": 30,
                         "path.sketch": (9, 9, 9), "savefig.dpi": 9}):  # fmt: skip
        set_by_person = dict(mpl.rcParams)

        assert draw(one(LINE)) == before
        assert dict(mpl.rcParams) == set_by_person


def test_a_million_points_keep_their_spike() -> None:
    """Decimation keeps every extreme: one value in a million is still seen."""
    y = np.zeros(1_000_000)
    y[777_777] = 1.0
    x, kept = decimate(np.arange(len(y), dtype=float), y, 500)

    assert len(kept) <= 1002 and kept.max() == 1.0 and x[kept.argmax()] == 777_777
    assert np.all(np.diff(x) > 0) and x[0] == 0 and x[-1] == 999_999


def test_decimation_keeps_a_gap() -> None:
    """A stretch without values stays a break in the curve."""
    y = np.ones(10_000)
    y[4000:6000] = math.nan
    x, kept = decimate(np.arange(10_000.0), y, 100)

    assert np.isnan(kept[(x > 4200) & (x < 5800)]).all() and np.isfinite(kept[x < 3900]).all()


def test_values_at_epochs_are_joined() -> None:
    """A series that is absent at most steps is one curve, not lone points."""
    x = tuple(map(float, range(200)))
    sparse = Series(
        "valid", x, tuple(float(i) if i % 40 == 0 else math.nan for i in range(200)), role="valid"
    )

    assert has_colour(draw(one(sparse)), theme.LIGHT["valid"], 1000)


def test_a_faint_curve_is_lighter_than_its_smoothed_one() -> None:
    """The raw curve stands back: its colour is a blend with the ground."""
    faint = draw(one(Series("raw", LINE.x, LINE.y, "faint", "train")))

    assert not has_colour(faint, theme.LIGHT["train"], 500)
    assert has_colour(draw(one(LINE)), theme.LIGHT["train"], 500)


def test_two_threads_draw_the_same_as_one() -> None:
    """Pictures asked for at the same time from several threads come out right."""
    expected, found = draw(one(LINE)), []
    threads = [threading.Thread(target=lambda: found.append(draw(one(LINE)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 4


def test_rare_colours_stay_exact() -> None:
    """A palette of 256 colours keeps white white and the one warning in its own colour."""
    canvas = Canvas(200, 100, ground="#ffffff")
    canvas.box((0, 0, 100, 100), fill="#fafbfc")
    canvas.text(110, 50, "warning", size=20, colour=theme.LIGHT["warning"], bold=True)
    png = canvas.png()

    assert tuple(pixels(png)[5, 390]) == (255, 255, 255) and tuple(pixels(png)[5, 5]) == (250, 251, 252)
    assert has_colour(png, theme.LIGHT["warning"])


def test_letters_no_font_has_are_replaced() -> None:
    """What would draw as a warning and a box is U+FFFD; what can be drawn stays."""
    assert drawable("loss μ\U000e0001") == "loss μ\ufffd"


def test_a_logarithmic_x_has_its_powers_of_ten_at_equal_distances() -> None:
    """The same curve over 1e-4 to 1 and over its powers of ten is the same picture but for the numbers."""
    rates = tuple(10.0**power for power in np.linspace(-4, 0, 41))
    losses = tuple(math.cos(i / 6) for i in range(41))
    mark = Mark(1e-2, "here")
    logarithmic = one(Series("x", rates, losses), log_x=True, x_label="", marks=(mark,))
    plain = one(Series("x", tuple(np.log10(rates)), losses), x_label="", marks=(Mark(-2, "here"),))
    above = slice(0, 500)  # the numbers stand below

    assert (pixels(draw(logarithmic))[above] == pixels(draw(plain))[above]).all()


def test_a_logarithmic_x_leaves_out_what_is_not_above_zero() -> None:
    """Zero, negative and absent rates and marks are no reason to fail."""
    odd = Series("x", (0.0, -1.0, math.nan, 1e-3, 1e-2), (1.0, 2.0, 3.0, 4.0, 5.0))

    assert draw(one(odd, log_x=True, marks=(Mark(0.0, "a"), Mark(math.nan, "b"))))
