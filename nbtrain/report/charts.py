"""One plot on a canvas: grid, ticks, curves, marks, legend. It knows no matplotlib and no documents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nbtrain.report.canvas import Canvas
from nbtrain.report.decimate import decimate
from nbtrain.report.model import Axes, Series
from nbtrain.report.plain import one_line
from nbtrain.report.pointed_out import draw_circles, draw_shades, labels
from nbtrain.report.theme import series_colour
from nbtrain.report.ticks import log_ticks, nice_ticks, short, tick_labels

_TITLE, _SMALL = 13.0, 10.5  # CSS pixels
_TOP, _BOTTOM = 30, 20  # room for the title line and for the x ticks
_TINY, _HUGE = 1e-150, 1e150
_DOTTED_UP_TO = 30  # a curve of at most so many points shows each of them


@dataclass(frozen=True)
class Rect:
    """A rectangle in CSS pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True)
class _Curve:
    """A series ready to be drawn: finite numbers, few enough."""

    series: Series
    colour: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray
    last: float
    points: int


@dataclass(frozen=True)
class _Scale:
    """From numbers to pixels. `log`: y is drawn as log10(y)."""

    plot: Rect
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool

    def across(self, x: np.ndarray | float) -> np.ndarray:
        return self.plot.left + (np.asarray(x, float) - self.x[0]) / (self.x[1] - self.x[0]) * self.plot.width

    def up(self, y: np.ndarray | float) -> np.ndarray:
        values = np.asarray(y, float)
        if self.log:
            values = np.log10(np.where(values > 0, values, np.nan))
        # far off the plot a number is as good as just off it, and Agg draws no coordinates beyond 2**15
        share = np.clip((values - self.y[0]) / (self.y[1] - self.y[0]), -3, 4)
        return self.plot.bottom - share * self.plot.height


def draw_axes(canvas: Canvas, axes: Axes, rect: Rect, colours: Mapping[str, str]) -> None:
    """Draw one plot into `rect`. Without a finite number it says "no data yet"."""
    axes = _in_powers(axes) if axes.log_x else axes
    curves = _curves(axes, int(max(rect.width, 50)), colours)
    log = _is_log(axes, curves)
    title = one_line(axes.title)
    unit = " · ".join(
        part for part in (one_line(axes.y_label, 24), "log" if log else "") if part and part != title
    )
    _heading(canvas, rect, title, unit, curves, colours, values=axes.last_values)
    plot = Rect(rect.left, rect.top + _TOP, rect.width, max(rect.height - _TOP - _BOTTOM, 20))
    if not curves:
        canvas.box(
            (plot.left, plot.top, plot.width, plot.height),
            fill=colours["card"],
            edge=colours["grid"],
            radius=6,
        )
        middle = plot.left + plot.width / 2
        canvas.text(
            middle,
            plot.top + plot.height / 2 + 4,
            "no data yet",
            size=12,
            colour=colours["muted"],
            anchor="center",
        )
        return
    x_range, y_range = _x_range(curves, axes), _y_range(curves, log)
    scale = _frame(canvas, plot, _Scale(plot, x_range, y_range, log), axes, colours)
    draw_shades(canvas, axes, curves, scale, colours)
    _marks(canvas, axes, scale, colours, lines=True)
    for curve in sorted(curves, key=lambda curve: curve.series.style != "faint"):
        _curve(canvas, curve, scale, colours)
    draw_circles(canvas, axes, scale, colours)
    _marks(canvas, axes, scale, colours, lines=False)


def _in_powers(axes: Axes) -> Axes:
    """The plot over the powers of ten of its x, which is what a logarithmic axis draws."""

    def powers(series: Series) -> Series:
        x = tuple(math.log10(x) if math.isfinite(x) and x > 0 else math.nan for x in series.x)
        return replace(series, x=x)

    marks = tuple(replace(mark, x=math.log10(mark.x)) for mark in axes.marks if 0 < mark.x < math.inf)
    return replace(axes, series=tuple(map(powers, axes.series)), marks=marks)


def _curves(axes: Axes, buckets: int, colours: Mapping[str, str]) -> list[_Curve]:
    found, roleless = [], 0
    for series in axes.series:
        colour = series_colour(colours, series.role, roleless)
        roleless += series.role == ""
        size = min(len(series.x), len(series.y))
        x, y = np.asarray(series.x[:size], float), np.asarray(series.y[:size], float)
        x_finite = np.isfinite(x)
        x, y = x[x_finite], np.where(np.isfinite(y), y, np.nan)[x_finite]
        # differences and logarithms of what lies beyond these bounds leave the range of floats
        y = np.where(np.abs(y) < _TINY, 0.0, np.clip(y, -_HUGE, _HUGE))
        seen = np.isfinite(y)
        if not seen.any():
            continue
        banded = len(series.low) >= size and len(series.high) >= size and size <= buckets
        low = np.asarray(series.low[:size], float)[x_finite] if banded else np.empty(0)
        high = np.asarray(series.high[:size], float)[x_finite] if banded else np.empty(0)
        points, last = int(seen.sum()), float(y[seen][-1])
        # Values at the ends of epochs among steps: most rows are absent, the curve joins the others.
        if seen.mean() < 0.5:
            x, y = x[seen], y[seen]
            low, high = (low[seen], high[seen]) if banded else (low, high)
        x, y = decimate(x, y, buckets)
        found.append(_Curve(series, colour, x, y, low, high, last, points))
    return found


def _is_log(axes: Axes, curves: list[_Curve]) -> bool:
    """Return whether y is logarithmic: where asked, and by itself where the values span over four powers of
    ten.
    """
    values = np.concatenate([curve.y[np.isfinite(curve.y)] for curve in curves]) if curves else np.empty(0)
    if len(values) == 0 or values.min() <= 0:
        return False
    return axes.log_y or (values.max() / values.min() > 1e4 and values.max() > 100)


def _x_range(curves: list[_Curve], axes: Axes) -> tuple[float, float]:
    low = min(float(curve.x.min()) for curve in curves)
    high = max(float(curve.x.max()) for curve in curves)
    for mark in axes.marks:
        if math.isfinite(mark.x):
            low, high = min(low, mark.x), max(high, mark.x)
    if high <= low:
        return low - 1, low + 1
    pad = 0.015 * (high - low)
    return low - pad, high + pad


def _y_range(curves: list[_Curve], log: bool) -> tuple[float, float]:
    """Return the limits (of log10(y) when `log`): whole curves, of a faint one its middle 98 %."""
    lows, highs = [], []
    alone = all(curve.series.style == "faint" for curve in curves)
    for curve in curves:
        values = curve.y[np.isfinite(curve.y)]
        values = np.log10(values) if log else values
        faint = curve.series.style == "faint" and not alone
        low, high = np.percentile(values, [1, 99] if faint and len(values) > 20 else [0, 100])
        if len(curve.low) and not log:
            low, high = min(low, np.nanmin(curve.low)), max(high, np.nanmax(curve.high))
        lows.append(float(low))
        highs.append(float(high))
    low, high = min(lows), max(highs)
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high), 1e-300):  # one value only
        if log:
            return low - 0.5, high + 0.5
        return (0.0, 1.6 * high) if high > 0 else (1.6 * low, 0.0) if low < 0 else (-1.0, 1.0)
    bottom, top = low - 0.07 * span, high + 0.07 * span
    # from zero where zero is near; for a rate, whose size matters; and for lone points, which have no shape
    lone = all(curve.points == 1 for curve in curves) or any(curve.series.role == "lr" for curve in curves)
    if not log and low >= 0 and (low < 0.35 * span or lone):
        bottom = 0.0 if low > 0 else -0.02 * span
    return bottom, top


def _heading(
    canvas: Canvas, rect: Rect, title: str, unit: str, curves: list[_Curve], colours: Mapping[str, str], *,
    values: bool,
) -> None:  # fmt: skip
    """Write the title at the left and the legend, each name with its last value, at the right of one line."""
    baseline = rect.top + 14
    named = [curve for curve in curves if curve.series.style != "faint"] or curves
    entries = []
    for curve in named[:5]:
        name = one_line(curve.series.name, 22)
        alone = len(named) == 1 and name in ("", title, unit)
        last = short(curve.last, counted=unit not in ("", "log")) if values else ""
        entries.append((curve, "" if alone else name, last))
    taken = min(canvas.text_width(title, size=_TITLE, bold=True), 0.5 * rect.width) + 20
    x = _legend(canvas, Rect(rect.left + taken, baseline, rect.width - taken, 0), entries, colours)
    title = fit(canvas, title, max(x - rect.left, 40), size=_TITLE, bold=True)
    canvas.text(rect.left, baseline, title, size=_TITLE, colour=colours["ink"], bold=True)
    used = canvas.text_width(title, size=_TITLE, bold=True) + 7
    if unit and rect.left + used + canvas.text_width(unit, size=_SMALL) < x:
        canvas.text(rect.left + used, baseline, unit, size=_SMALL, colour=colours["muted"])


def _legend(
    canvas: Canvas, room: Rect, entries: list[tuple[_Curve, str, str]], colours: Mapping[str, str]
) -> float:
    """Write names and last values from the right, only names where both do not fit; return where the legend
    begins.

    Args:
        room: its top is the baseline.
    """

    def width(name: str, value: str) -> float:
        named = canvas.text_width(name, size=11) + 6 if name else 0
        return named + (canvas.text_width(value, size=11, bold=True) + 6 if value else 0) + 22

    if sum(width(name, value) for _, name, value in entries) > room.width + 18:
        entries = [(curve, name, "" if name else value) for curve, name, value in entries]
    x = room.right
    for curve, name, value in reversed(entries):
        if room.right - x + width(name, value) > room.width + 18:
            break
        if value:
            canvas.text(x, room.top, value, size=11, colour=colours["ink"], bold=True, anchor="right")
            x -= canvas.text_width(value, size=11, bold=True) + 6
        if name:
            canvas.text(x, room.top, name, size=11, colour=colours["muted"], anchor="right")
            x -= canvas.text_width(name, size=11) + 6
        x -= 4
        canvas.dots([x], [room.top - 4], colour=curve.colour, edge=curve.colour, radius=3)
        x -= 18
    return x


def fit(canvas: Canvas, text: str, width: float, *, size: float, bold: bool = False) -> str:
    """Return the text, cut with an ellipsis where it is wider than `width` CSS pixels."""
    if canvas.text_width(text, size=size, bold=bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        if canvas.text_width(text[:middle].rstrip() + "…", size=size, bold=bold) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def _frame(canvas: Canvas, plot: Rect, scale: _Scale, axes: Axes, colours: Mapping[str, str]) -> _Scale:
    """Draw grid and ticks; return the scale of the plot that is left beside the numbers."""
    count = max(3, min(6, int(plot.height // 34)))
    ticks = (
        log_ticks(10 ** max(scale.y[0], -300), 10 ** min(scale.y[1], 300), count)
        if scale.log
        else nice_ticks(*scale.y, count)
    )
    labels = tick_labels(ticks, measured=not axes.y_label)  # what has a unit is counted: samples/s
    room = max((canvas.text_width(label, size=_SMALL) for label in labels), default=0) + 8
    inner = Rect(plot.left + room, plot.top, plot.width - room, plot.height)
    scale = _Scale(inner, scale.x, scale.y, scale.log)
    for value, label in zip(ticks, labels, strict=True):
        y = float(scale.up(value))
        canvas.line([inner.left, inner.right], [y, y], colour=colours["grid"])
        canvas.text(inner.left - 8, y + 3.6, label, size=_SMALL, colour=colours["muted"], anchor="right")
    canvas.line([inner.left, inner.right], [inner.bottom, inner.bottom], colour=colours["axis"])
    _x_ticks(canvas, inner, scale, axes, colours)
    return scale


def _x_ticks(canvas: Canvas, inner: Rect, scale: _Scale, axes: Axes, colours: Mapping[str, str]) -> None:
    baseline = inner.bottom + 15
    end = inner.right
    if label := one_line(axes.x_label, 24):
        canvas.text(inner.right, baseline, label, size=_SMALL, colour=colours["muted"], anchor="right")
        end -= canvas.text_width(label, size=_SMALL) + 10
    for x, text in _labelled(scale, max(3, int(inner.width // 75)), log=axes.log_x):
        at = float(scale.across(x))
        canvas.line([at, at], [inner.bottom, inner.bottom + 3], colour=colours["axis"])
        if at + canvas.text_width(text, size=_SMALL) / 2 < end:
            canvas.text(at, baseline, text, size=_SMALL, colour=colours["muted"], anchor="center")


def _labelled(scale: _Scale, count: int, *, log: bool) -> list[tuple[float, str]]:
    """Where the x axis has ticks, and what stands there."""
    low, high = scale.x
    if log:
        values = log_ticks(10 ** max(low, -300), 10 ** min(high, 300), count)
        return [(math.log10(value), text) for value, text in zip(values, tick_labels(values), strict=True)]
    ticks = [x for x in nice_ticks(low, high, count, whole=high - low >= 1) if x >= 0 or low < -1]
    return list(zip(ticks, tick_labels(ticks), strict=True))


def _curve(canvas: Canvas, curve: _Curve, scale: _Scale, colours: Mapping[str, str]) -> None:
    plot = scale.plot
    faint = curve.series.style == "faint"
    over = 0 if faint else 4  # dots and line ends at the edge stay whole
    clip = (plot.left - over, plot.top - over, plot.right + over, plot.bottom + over)
    x, y = scale.across(curve.x), scale.up(curve.y)
    if len(curve.low) == len(curve.x):
        low, high = scale.up(curve.low), scale.up(curve.high)
        held = np.isfinite(low) & np.isfinite(high)
        outline = [*zip(x[held], high[held], strict=True), *zip(x[held][::-1], low[held][::-1], strict=True)]
        if len(outline) > 2:
            canvas.area(outline, colour=curve.colour, alpha=0.14, clip=clip)
    if curve.series.style != "points" and curve.points > 1:
        # a curve that goes up and down over twelve times the height would turn into a bar at full width
        noisy = np.nansum(np.abs(np.diff(y))) > 12 * plot.height
        width = 1 if faint else 1.2 if noisy else 2
        canvas.line(x, y, colour=curve.colour, width=width, alpha=0.28 if faint else 1, clip=clip)
    few = curve.points <= min(_DOTTED_UP_TO, plot.width / 18) and not faint
    if few or curve.series.style == "points" or curve.points == 1:
        canvas.dots(x, y, colour=curve.colour, edge=colours["paper"], radius=2.8 if few else 1.6, clip=clip)


def _marks(canvas: Canvas, axes: Axes, scale: _Scale, colours: Mapping[str, str], *, lines: bool) -> None:
    """Draw the marks' lines below the curves, or their labels above them; labels that would touch go a row
    lower.
    """
    plot = scale.plot
    taken: list[tuple[float, float, int]] = []
    known = axes.marks if lines else (*axes.marks, *labels(axes))
    for mark in sorted((mark for mark in known if math.isfinite(mark.x)), key=lambda mark: mark.x):
        colour = colours.get(mark.tone) or colours["muted"]
        at = float(scale.across(mark.x))
        if lines:
            canvas.line([at, at], [plot.top, plot.bottom], colour=colour, width=1.2, dashes=(3, 3), alpha=0.8)
            continue
        label = one_line(mark.label, 40)
        if not label:
            continue
        width = canvas.text_width(label, size=_SMALL, bold=True)
        left = at + 5 if at + width + 8 < plot.right else at - 5 - width
        row = 0
        while any(r == row and left < right + 6 and left + width > start - 6 for start, right, r in taken):
            row += 1
        if plot.top + 16 * row + 16 > plot.bottom:
            continue
        taken.append((left, left + width, row))
        top = plot.top + 16 * row
        canvas.box((left - 3, top, width + 6, 15), fill=colours["paper"], radius=3, alpha=0.86)
        canvas.text(left, top + 11, label, size=_SMALL, colour=colour, bold=True)
