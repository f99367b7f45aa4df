"""The picture of a whole run: what replaces the live panel at the end and stays in the saved notebook.

It is told what to show; it knows no run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nbtrain.report import theme
from nbtrain.report.canvas import LOCK, Canvas
from nbtrain.report.charts import Rect, draw_axes, fit
from nbtrain.report.model import Figure, KeyValues, Note, Report, Section
from nbtrain.report.plain import one_line
from nbtrain.report.poster_model import Poster
from nbtrain.report.terminal import to_text

WIDTH = 1000  # CSS pixels; give it as the width in the display's metadata, the picture has twice as many
_EDGE = 28
_GAP = 34
_CHARTS = 372  # height of the charts
_TILE_LEAST = 112  # width that a key number needs
_LINE = 21  # height of a line of findings
_FINDING_LINES = 6

__all__ = ["WIDTH", "Poster", "draw_poster", "poster_text"]


def draw_poster(poster: Poster, *, dark: bool = False, scale: float = 2) -> bytes:
    """Draw the poster as a PNG, `WIDTH` CSS pixels wide and about 600 high, `scale` device pixels for each.

    The light one is right everywhere, because the picture stays where no theme is known: GitHub, HTML export,
    mail.
    """
    colours = theme.palette(dark=dark)
    with LOCK:
        trial = Canvas(WIDTH, 10, ground=colours["paper"], scale=1)
        lines = _finding_lines(trial, poster.findings)
        rows = _fact_rows(poster.facts[:14])
        facts_height = 58 * len(rows) + 10 if rows else 0
        findings_height = _LINE * len(lines) + 26 if lines else 0
        charts_height = _CHARTS if poster.figure.axes else 0
        height = 78 + facts_height + findings_height + charts_height + _EDGE
        canvas = Canvas(WIDTH, height, ground=colours["paper"], scale=scale)
        canvas.box((0.5, 0.5, WIDTH - 1, height - 1), fill=colours["paper"], edge=colours["line"])
        canvas.box((0, 0, WIDTH, 4), fill=colours.get(poster.tone) or colours["muted"])
        _header(canvas, poster, colours)
        y = 78.0
        _facts(canvas, rows, y, colours)
        y += facts_height
        _findings(canvas, lines, y, colours)
        y += findings_height
        if poster.figure.axes:
            _charts(canvas, poster.figure, Rect(_EDGE, y, WIDTH - 2 * _EDGE, _CHARTS), colours)
        return canvas.png()


def poster_text(poster: Poster) -> str:
    """Return the same in words, for where no picture is shown and for screen readers."""
    facts = KeyValues(tuple((one_line(label), one_line(value)) for label, value in poster.facts))
    notes = tuple(Note(text, tone or "info") for tone, text in poster.findings)
    described = (replace(poster.figure, caption=""),) if poster.figure.axes and poster.figure.alt else ()
    title = f"{one_line(poster.title)}: {one_line(poster.status)}"
    return to_text(Report(title, (Section("", (facts, *notes, *described)),)))


def _header(canvas: Canvas, poster: Poster, colours: Mapping[str, str]) -> None:
    tone = colours.get(poster.tone) or colours["muted"]
    soft = colours.get(f"{poster.tone}-soft") or colours["muted-soft"]
    status = one_line(poster.status, 24)
    chip = canvas.text_width(status, size=12.5, bold=True) + 34
    brand = canvas.text_width("nbtrain", size=12.5, bold=True)
    room = WIDTH - 2 * _EDGE - chip - 14 - brand - 20
    title = fit(canvas, one_line(poster.title, 160), room, size=22, bold=True)
    canvas.text(_EDGE, 48, title, size=22, colour=colours["ink"], bold=True)
    left = _EDGE + canvas.text_width(title, size=22, bold=True) + 14
    canvas.box((left, 28, chip, 25), fill=soft, radius=12.4)
    canvas.dots([left + 15], [40.5], colour=tone, edge=tone, radius=3.6)
    canvas.text(left + 24, 45, status, size=12.5, colour=tone, bold=True)
    canvas.text(WIDTH - _EDGE, 46, "nbtrain", size=12.5, colour=colours["muted"], bold=True, anchor="right")


def _fact_rows(facts: tuple[tuple[str, str], ...]) -> list[tuple[tuple[str, str], ...]]:
    most = int((WIDTH - 2 * _EDGE) // _TILE_LEAST)
    if not facts:
        return []
    count = -(-len(facts) // most)
    per = -(-len(facts) // count)
    return [facts[i : i + per] for i in range(0, len(facts), per)]


def _facts(
    canvas: Canvas, rows: list[tuple[tuple[str, str], ...]], y: float, colours: Mapping[str, str]
) -> None:
    for row in rows:
        canvas.line([_EDGE, WIDTH - _EDGE], [y, y], colour=colours["line"])
        left = float(_EDGE)
        for (label, value), tile in zip(row, _tiles(canvas, row), strict=True):
            label = fit(canvas, one_line(label, 60), tile - 12, size=11)
            canvas.text(left, y + 21, label, size=11, colour=colours["muted"])
            value = one_line(value, 60)
            sizes = (
                s for s in (18, 16, 14, 12.5) if canvas.text_width(value, size=s, bold=True) <= tile - 12
            )
            size = next(sizes, 11)
            value = fit(canvas, value, tile - 12, size=size, bold=True)
            canvas.text(left, y + 43, value, size=size, colour=colours["ink"], bold=True)
            left += tile
        y += 58


def _tiles(canvas: Canvas, row: tuple[tuple[str, str], ...]) -> list[float]:
    """Return the width of each fact: what it needs and an equal part of the rest; equal parts where all is
    tight.
    """
    room = WIDTH - 2 * _EDGE
    needed = [
        max(
            canvas.text_width(one_line(label, 60), size=11),
            canvas.text_width(one_line(value, 60), size=18, bold=True),
        )
        + 18
        for label, value in row
    ]
    spare = room - sum(needed)
    if spare < 0:
        return [room / len(row)] * len(row)
    return [width + min(spare / len(row), 90) for width in needed]


def _finding_lines(canvas: Canvas, findings: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """Return (tone, line): a tone where a finding begins, "" where it goes on; the rest is counted."""
    room = WIDTH - 2 * _EDGE - 60
    lines: list[tuple[str, str]] = []
    for shown, (tone, text) in enumerate(findings):
        folded = _fold(canvas, one_line(text, 320), room)
        if lines and len(lines) + len(folded) > _FINDING_LINES:
            lines.append(("more", f"and {len(findings) - shown} more in the report"))
            break
        lines += [(tone or "muted", folded[0]), *(("", line) for line in folded[1:])]
    return lines


def _fold(canvas: Canvas, text: str, room: float) -> list[str]:
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}".strip()
        if line and canvas.text_width(longer, size=13) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    return [fit(canvas, part, room, size=13) for part in [*lines, line]][:3]


def _findings(canvas: Canvas, lines: list[tuple[str, str]], y: float, colours: Mapping[str, str]) -> None:
    if not lines:
        return
    first = lines[0][0]
    worst = next((tone for tone in ("critical", "warning") if any(tone == t for t, _ in lines)), first)
    ground = colours.get(f"{worst}-soft") or colours["card"]
    canvas.box((_EDGE, y, WIDTH - 2 * _EDGE, _LINE * len(lines) + 12), fill=ground, radius=8)
    for i, (tone, line) in enumerate(lines):
        baseline = y + 21 + i * _LINE
        if sign := theme.SIGNS.get(tone, ""):
            canvas.text(_EDGE + 18, baseline, sign, size=13, colour=colours[tone], bold=True, anchor="center")
        elif tone == "muted":
            canvas.dots([_EDGE + 18], [baseline - 4.5], colour=colours["muted"], edge=colours["muted"])
        ink = colours["muted"] if tone == "more" else colours["ink"]
        canvas.text(_EDGE + 34, baseline, line, size=13, colour=ink)


def _charts(canvas: Canvas, figure: Figure, rect: Rect, colours: Mapping[str, str]) -> None:
    for axes, place in zip(figure.axes, _places(min(len(figure.axes), 5), rect), strict=False):
        draw_axes(canvas, axes, place, colours)


def _places(count: int, rect: Rect) -> list[Rect]:
    """Return where each plot goes: the first large at the left, the others small beside it."""
    if count == 1:
        return [rect]
    if count == 2:
        half = (rect.width - _GAP) / 2
        return [Rect(rect.left + i * (half + _GAP), rect.top, half, rect.height) for i in range(2)]
    share = 0.56 if count <= 3 else 0.44
    large = Rect(rect.left, rect.top, share * rect.width, rect.height)
    left, width = large.right + _GAP, rect.width - large.width - _GAP
    columns = 1 if count == 3 else 2
    small_width = (width - (columns - 1) * (_GAP - 8)) / columns
    small_height = (rect.height - 18) / 2
    small = [
        Rect(
            left + (i % columns) * (small_width + _GAP - 8),
            rect.top + (i // columns) * (small_height + 18),
            width if count == 4 and i == 2 else small_width,
            small_height,
        )
        for i in range(count - 1)
    ]
    return [large, *small]
