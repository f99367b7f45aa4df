"""Parallel coordinates: a vertical axis a quantity, a line across them a run. It knows no documents."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from nbtrain.report.canvas import Canvas
from nbtrain.report.charts import Rect
from nbtrain.report.model import Parallel
from nbtrain.report.plain import one_line
from nbtrain.report.theme import series_colour

_TITLE, _SMALL = 13.0, 10.5  # CSS pixels
_TOP, _BOTTOM, _LEGEND = 46, 34, 14
_SIDE = 60  # room for the words of the outer axes
_NAMED = 8  # lines that are named in the legend


def draw_parallel(canvas: Canvas, chart: Parallel, rect: Rect, colours: Mapping[str, str]) -> None:
    """Draw the axes with their ends in words, and a line for each run; a value that is absent breaks it."""
    canvas.text(
        rect.left, rect.top + 13, one_line(chart.title), size=_TITLE, colour=colours["ink"], bold=True
    )
    top, bottom = rect.top + _TOP, rect.bottom - _BOTTOM
    left, right = rect.left + _SIDE, rect.right - _SIDE
    across = np.linspace(left, right, max(len(chart.axes), 2))[: len(chart.axes)]
    for x, axis in zip(across.tolist(), chart.axes, strict=True):
        canvas.line([x, x], [top, bottom], colour=colours["axis"])
        name, small = one_line(axis.name, 18), {"size": _SMALL, "anchor": "center"}
        canvas.text(x, top - 6, one_line(axis.high, 14), colour=colours["muted"], **small)
        canvas.text(x, bottom + 14, one_line(axis.low, 14), colour=colours["muted"], **small)
        canvas.text(x, bottom + 28, name, colour=colours["ink"], bold=True, **small)
    if any(line.good is not None for line in chart.lines):
        _shaded(canvas, chart, across, (top, bottom), rect, colours)
        return
    lines = [(line, _colour(colours, place)) for place, line in enumerate(chart.lines)]
    for line, colour in reversed(lines):  # the first, with which the others are compared, on top
        held = np.array([value if math.isfinite(value) else np.nan for value in line.values])
        y = bottom - held * (bottom - top)
        canvas.line(across[: len(y)], y, colour=colour, width=2, alpha=0.9)
        canvas.dots(across[: len(y)], y, colour=colour, edge=colours["paper"], radius=2.8)
    _legend(canvas, [(line.name, colour) for line, colour in lines], rect, colours)


def _shaded(
    canvas: Canvas, chart: Parallel, across: np.ndarray, span: tuple[float, float], rect: Rect,
    colours: Mapping[str, str],
) -> None:  # fmt: skip
    """Draw many lines, the better the stronger, the best one on top in a colour of its own."""
    top, bottom = span
    ordered = sorted(chart.lines, key=lambda line: -1.0 if line.good is None else line.good)
    shades = [_blend(colours["axis"], colours["train"], step / _SHADES) for step in range(_SHADES + 1)]
    for line in ordered:
        best = line is ordered[-1] and line.good is not None
        held = np.array([value if math.isfinite(value) else np.nan for value in line.values])
        y = bottom - held * (bottom - top)
        colour = colours["valid"] if best else shades[round((line.good or 0.0) * _SHADES)]
        width, alpha = (2.6, 1.0) if best else (1.4, 0.8)
        there = np.isfinite(y)
        # over an axis it has no value on, as of a parameter that only others have, a line is dashed
        canvas.line(across[: len(y)][there], y[there], colour=colour, width=1, alpha=alpha, dashes=(3, 4))
        canvas.line(across[: len(y)], y, colour=colour, width=width, alpha=alpha)
        canvas.dots(across[: len(y)], y, colour=colour, edge=colours["paper"], radius=3.4 if best else 2.2)
    best_name = one_line(ordered[-1].name, 16)
    named = [("worse", shades[0]), ("better", shades[-1]), (f"best: {best_name}", colours["valid"])]
    _legend(canvas, named, rect, colours)


_SHADES = 6


def _blend(one: str, other: str, share: float) -> str:
    """Return the colour that lies between two, by share."""
    parts = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def _colour(colours: Mapping[str, str], place: int) -> str:
    return colours[("train", "valid")[place]] if place < 2 else series_colour(colours, "", place - 2)


def _legend(canvas: Canvas, named: list[tuple[str, str]], rect: Rect, colours: Mapping[str, str]) -> None:
    x, y = rect.right, rect.top + _LEGEND
    shown = named[:_NAMED] + (
        [(f"{len(named) - _NAMED} more", colours["muted"])] if len(named) > _NAMED else []
    )
    for name, colour in reversed(shown):
        text = one_line(name, 16)
        x -= canvas.text_width(text, size=_SMALL)
        if x < rect.left + 160:
            break
        canvas.text(x, y, text, size=_SMALL, colour=colours["muted"])
        canvas.dots(np.array([x - 8]), np.array([y - 3.5]), colour=colour, edge=colours["paper"], radius=3.4)
        x -= 22
