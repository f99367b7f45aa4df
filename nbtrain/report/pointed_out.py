"""What is pointed out on a plot as an area or a ring: shades below the curves, circles above them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nbtrain.report.canvas import Canvas
from nbtrain.report.model import Axes, Mark

_RADIUS, _CORNERS = 7.0, 40  # CSS pixels; a ring is drawn as a polyline


def draw_shades(
    canvas: Canvas, axes: Axes, curves: Sequence[Any], scale: Any, colours: Mapping[str, str]
) -> None:
    """Shade parts of a plot.

    Args:
        curves: ready to be drawn, with `x` and `y`; a shade between curves lies between the first two.
        scale: `across` and `up` turn numbers into pixels; `plot` is the rectangle.
    """
    plot = scale.plot
    clip = (plot.left, plot.top, plot.right, plot.bottom)
    for shade in axes.shades:
        if not (math.isfinite(shade.start) and math.isfinite(shade.end)):
            continue
        colour = colours.get(shade.tone) or colours["muted"]
        if shade.between and len(curves) > 1:
            outline = _between(curves[0], curves[1], shade.start, shade.end, scale)
            if len(outline) > 2:
                canvas.area(outline, colour=colour, alpha=0.22, clip=clip)
            continue
        left, right = float(scale.across(shade.start)), float(scale.across(shade.end))
        corners = [(left, plot.top), (right, plot.top), (right, plot.bottom), (left, plot.bottom)]
        canvas.area(corners, colour=colour, alpha=0.10, clip=clip)


def _between(first: Any, second: Any, start: float, end: float, scale: Any) -> list[tuple[float, float]]:
    """Return the outline of the area between two curves, at the points of both."""
    known = [(curve.x[np.isfinite(curve.y)], curve.y[np.isfinite(curve.y)]) for curve in (first, second)]
    across = np.unique(np.concatenate([x for x, _ in known]))
    across = across[(across >= start) & (across <= end)]
    if len(across) < 2:
        return []
    pixels = scale.across(across)
    upper, lower = (scale.up(np.interp(across, x, y)) for x, y in known)
    return [*zip(pixels, upper, strict=True), *zip(pixels[::-1], lower[::-1], strict=True)]


def draw_circles(canvas: Canvas, axes: Axes, scale: Any, colours: Mapping[str, str]) -> None:
    """Draw a ring around points."""
    turn = np.linspace(0, 2 * math.pi, _CORNERS)
    for circle in axes.circles:
        if not (math.isfinite(circle.x) and math.isfinite(circle.y)):
            continue
        x, y = float(scale.across(circle.x)), float(scale.up(circle.y))
        if math.isfinite(y):
            colour = colours.get(circle.tone) or colours["muted"]
            canvas.line(x + _RADIUS * np.cos(turn), y + _RADIUS * np.sin(turn), colour=colour, width=2)


def labels(axes: Axes) -> list[Mark]:
    """Return what is written beside shades and circles, as marks without a line."""
    written = [Mark(shade.start, shade.label, shade.tone) for shade in axes.shades]
    return written + [Mark(circle.x, circle.label, circle.tone) for circle in axes.circles]
