"""A treemap on a canvas: areas in proportion to values, each divided once more by what it is made of.

Rows are filled so that tiles stay close to squares (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbtrain.report.canvas import Canvas
from nbtrain.report.charts import Rect
from nbtrain.report.model import Tile, Treemap
from nbtrain.report.plain import one_line
from nbtrain.report.theme import series_colour

_TITLE, _SMALL = 13.0, 10.5  # CSS pixels
_TOP, _HEAD, _GAP = 30, 16, 2
_LEAST = 34  # width of a tile that gets a label


def draw_treemap(canvas: Canvas, treemap: Treemap, rect: Rect, colours: Mapping[str, str]) -> None:
    """Draw the title, the legend and the tiles into `rect`. Without a value it says "no data yet"."""
    canvas.text(rect.left, rect.top + 14, treemap.title, size=_TITLE, colour=colours["ink"], bold=True)
    _legend(canvas, treemap, rect, colours)
    place = Rect(rect.left, rect.top + _TOP, rect.width, rect.height - _TOP)
    tiles = sorted((tile for tile in treemap.tiles if tile.value > 0), key=lambda tile: -tile.value)
    if not tiles:
        canvas.box((place.left, place.top, place.width, place.height), fill=colours["card"])
        middle = place.left + place.width / 2
        where = place.top + place.height / 2
        canvas.text(middle, where, "no data yet", size=_SMALL, colour=colours["muted"], anchor="center")
        return
    for tile, area in zip(tiles, squarified([tile.value for tile in tiles], place), strict=True):
        _tile(canvas, tile, _inset(area), colours)


def _legend(canvas: Canvas, treemap: Treemap, rect: Rect, colours: Mapping[str, str]) -> None:
    right = rect.right
    for position, (role, word) in reversed(list(enumerate(treemap.legend))):
        right -= canvas.text_width(word, size=_SMALL)
        canvas.text(right, rect.top + 14, word, size=_SMALL, colour=colours["muted"])
        right -= 14
        canvas.box((right, rect.top + 5, 10, 10), fill=series_colour(colours, role, position), radius=2)
        right -= 14


def _tile(canvas: Canvas, tile: Tile, area: Rect, colours: Mapping[str, str]) -> None:
    canvas.box((area.left, area.top, area.width, area.height), fill=colours["muted-soft"], radius=2)
    head = _HEAD if area.height > 2.2 * _HEAD and area.width > _LEAST else 0
    inside = Rect(area.left + 1, area.top + 1 + head, max(area.width - 2, 0), max(area.height - 2 - head, 0))
    parts = [(role, value) for role, value in tile.parts if value > 0]
    parts.sort(key=lambda part: -part[1])
    places = squarified([value for _, value in parts], inside) if inside.width and inside.height else ()
    for (role, _), place in zip(parts, places, strict=False):
        fill = series_colour(colours, role, 0)
        canvas.box((place.left, place.top, place.width, place.height), fill=fill, alpha=0.75)
    if head:
        text = _fitting(canvas, [f"{tile.label} · {tile.said}", tile.label], area.width - 8)
        canvas.text(area.left + 4, area.top + 12, text, size=_SMALL, colour=colours["ink"])


def _fitting(canvas: Canvas, texts: Sequence[str], width: float) -> str:
    """Return the first text that fits; else the last one, its beginning cut away."""
    cleaned = [one_line(text) for text in texts]
    for text in cleaned:
        if canvas.text_width(text, size=_SMALL) <= width:
            return text
    text = cleaned[-1]
    while text and canvas.text_width(f"…{text}", size=_SMALL) > width:
        text = text[1:]
    return f"…{text}" if text else ""


def _inset(area: Rect) -> Rect:
    return Rect(
        area.left + _GAP / 2,
        area.top + _GAP / 2,
        max(area.width - _GAP, 0.5),
        max(area.height - _GAP, 0.5),
    )


def squarified(values: Sequence[float], place: Rect) -> list[Rect]:
    """Return an area for each value, in proportion, filling `place`.

    Args:
        values: above 0, largest first.
    """
    total = sum(values)
    if not total:
        return []
    scale = place.width * place.height / total
    areas = [value * scale for value in values]
    found: list[Rect] = []
    left, top, width, height = place.left, place.top, place.width, place.height
    start = 0
    while start < len(areas):
        side = min(width, height)
        end = start + 1
        while end < len(areas) and _worst(areas[start : end + 1], side) <= _worst(areas[start:end], side):
            end += 1
        row = areas[start:end]
        thick = sum(row) / side if side > 0 else 0
        along = top if width >= height else left
        for area in row:
            long = area / thick if thick else 0
            if width >= height:
                found.append(Rect(left, along, thick, long))
            else:
                found.append(Rect(along, top, long, thick))
            along += long
        if width >= height:
            left, width = left + thick, width - thick
        else:
            top, height = top + thick, height - thick
        start = end
    return found


def _worst(row: Sequence[float], side: float) -> float:
    """The largest ratio of sides among tiles laid in a row along `side`."""
    total = sum(row)
    return max(max(side * side * area / total**2, total**2 / (side * side * area)) for area in row)
