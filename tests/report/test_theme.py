"""The palette: complete in both themes, readable, apart for colour-blind readers."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from nbtrain.report import theme
from nbtrain.report.model import TONES

# Simulation of complete colour blindness on linear RGB: Machado, Oliveira, Fernandes 2009, severity 1.0.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039],
    ],
}  # fmt: skip


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb: np.ndarray) -> np.ndarray:
    to_lms = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
              [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
    to_lab = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
              [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip
    return 100 * np.asarray(to_lab) @ np.cbrt(np.asarray(to_lms) @ np.clip(rgb, 0, 1))


@pytest.mark.parametrize("dark", [False, True])
def test_texts_are_readable_on_their_grounds(dark: bool) -> None:
    """Tones reach 4.5:1 on paper and on their soft ground, every curve 3:1 (WCAG 2.2, 1.4)."""
    colours = theme.palette(dark=dark)
    for tone in filter(None, TONES):
        assert contrast(colours[tone], colours["paper"]) >= 4.5, tone
        assert contrast(colours[tone], colours[f"{tone}-soft"]) >= 4.5, tone
        assert contrast(colours["ink"], colours[f"{tone}-soft"]) >= 7, tone
    for role in (*theme.ROLES, *theme.EXTRAS):
        assert contrast(colours[role], colours["paper"]) >= 3, role


@pytest.mark.parametrize("kind", BLINDNESS)
@pytest.mark.parametrize("dark", [False, True])
def test_train_and_valid_stay_apart_for_everyone(dark: bool, kind: str) -> None:
    """The two curves that share a chart differ by over 20 in OKLab for every kind of colour vision."""
    colours = theme.palette(dark=dark)
    train, valid = (oklab(np.asarray(BLINDNESS[kind]) @ linear(colours[role])) for role in ("train", "valid"))

    assert np.linalg.norm(train - valid) > 20


def test_both_themes_have_the_same_names() -> None:
    """What is asked of one theme exists in the other; the style sheet carries every name."""
    assert list(theme.LIGHT) == list(theme.DARK)
    assert all(f"--nbt-{name}: {value};" in theme.css_variables() for name, value in theme.LIGHT.items())


def test_signs_tell_tones_apart_without_colour() -> None:
    """No two tones that judge share a sign or a word."""
    judging = ("good", "info", "warning", "critical")
    for one, other in itertools.combinations(judging, 2):
        assert theme.SIGNS[one] != theme.SIGNS[other] and theme.WORDS[one] != theme.WORDS[other]


def test_the_docstring_names_the_colours_in_use() -> None:
    """The table that people read is the one that is drawn."""
    for name in (*theme.ROLES, *filter(None, TONES)):
        row = next(line.split() for line in theme.__doc__.split("\n") if re.match(rf" +{name} +#", line))
        assert row[1:3] == [theme.LIGHT[name], theme.DARK[name]]


def test_the_panel_has_the_same_palette() -> None:
    """The style sheet of the live panel mirrors every colour of the theme, light and dark."""
    css = (Path(__file__).parents[2] / "js" / "src" / "look.css").read_text()
    declared = dict.fromkeys(re.findall(r"--nbt-([a-z0-9-]+):\s*([^;]+);", css))
    used = {name for name, _ in declared}

    for colours in (theme.LIGHT, theme.DARK):
        wrong = [
            name
            for name in used & set(colours)
            if not any(colours[name] in value for n, value in declared if n == name)
        ]
        assert wrong == []
    assert {"train", "valid", "lr", "gradient", "good", "critical"} <= used
