"""A figure as a PNG: its plots in a grid. Drawn in any thread; one picture at a time."""

from __future__ import annotations

import math

from nbtrain.report.canvas import LOCK, Canvas
from nbtrain.report.charts import Rect, draw_axes
from nbtrain.report.model import Figure, Parallel, Treemap
from nbtrain.report.parallel import draw_parallel
from nbtrain.report.theme import palette
from nbtrain.report.treemap import draw_treemap

_WIDTH = 900  # CSS pixels, what a report's column takes
_ROW = {1: 300, 2: 230}  # height of a row by number of columns; more columns are as high as two
_GAP = 28
_EDGE = 4


def draw(figure: Figure, *, dark: bool = False, scale: float = 2) -> bytes:
    """Draw a figure.

    Args:
        figure: plots in reading order; a plot without a finite number says "no data yet".
        dark: colours for a dark page.
        scale: device pixels for a CSS pixel; the picture is 900 CSS pixels wide.

    Returns:
        A PNG.
    """
    colours = palette(dark=dark)
    count = len(figure.axes)
    columns = max(1, min(figure.columns, count))
    rows = math.ceil(count / columns)
    row_height = _ROW.get(columns, _ROW[2])
    height = max(rows * (row_height + _GAP) - _GAP, 0) + 2 * _EDGE if rows else 60
    width = (_WIDTH - 2 * _EDGE - (columns - 1) * _GAP) / columns
    with LOCK:
        canvas = Canvas(_WIDTH, height, ground=colours["paper"], scale=scale)
        for position, axes in enumerate(figure.axes):
            row, column = divmod(position, columns)
            alone = columns == 2 and column == 0 and position == count - 1  # the last one takes its whole row
            left, top = _EDGE + column * (width + _GAP), _EDGE + row * (row_height + _GAP)
            rect = Rect(left, top, 2 * width + _GAP if alone else width, row_height)
            if isinstance(axes, Treemap):
                draw_treemap(canvas, axes, rect, colours)
            elif isinstance(axes, Parallel):
                draw_parallel(canvas, axes, rect, colours)
            else:
                draw_axes(canvas, axes, rect, colours)
        return canvas.png()
