"""A report as plain text: aligned tables without boxes, no line wider than asked, colour only when asked."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from nbtrain.report import theme
from nbtrain.report.model import (
    Block,
    Cell,
    Code,
    Details,
    Figure,
    Items,
    KeyValues,
    Note,
    Report,
    Table,
    Text,
)
from nbtrain.report.plain import columns_of, one_line, plain

_ANSI = {"good": "32", "info": "34", "warning": "33", "critical": "31", "muted": "2", "bold": "1"}
_GAP = 2  # blanks between columns
_NARROWEST = 8  # a wrapped column keeps at least this many, so words stay readable


def to_text(report: Report, width: int = 100, *, colour: bool = False) -> str:
    """Return plain text for a terminal.

    Args:
        width: columns no line exceeds (at least 20 are used); lines of source code are cut, never wrapped.
        colour: add ANSI colours.
    """
    writer = _Writer(max(width, 20), colour)
    title = one_line(report.title)
    lines = [*writer.wrapped(title, "bold"), writer.paint("═" * min(columns_of(title), writer.width), "bold")]
    if report.headline:
        sign = theme.SIGNS.get(report.tone, "")
        lines += writer.wrapped(f"{sign} {one_line(report.headline)}".strip(), report.tone)
    for section in report.sections:
        lines.append("")
        if section.title:
            lines += writer.wrapped(one_line(section.title), "bold")
            lines.append(writer.paint("─" * min(columns_of(one_line(section.title)), writer.width), "muted"))
        for i, block in enumerate(section.blocks):
            lines += ([""] if i else []) + writer.block(block)
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Writer:
    """Writes blocks as lines of at most `width` columns."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self._colour = colour

    def paint(self, text: str, tone: str) -> str:
        code = _ANSI.get(tone)
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code and text else text

    def wrapped(self, text: str, tone: str = "", first: str = "", rest: str = "") -> list[str]:
        lines = [
            part for line in plain(text).split("\n") for part in fold(line, self.width - columns_of(first))
        ]
        return [(first if i == 0 else rest) + self.paint(line, tone) for i, line in enumerate(lines)]

    def block(self, block: Block) -> list[str]:
        writers: dict[type, Callable[..., list[str]]] = {
            Text: lambda text: self.wrapped(text.text, text.tone),
            Note: self._note,
            Items: lambda items: [
                line
                for sign, item in zip(items.signs(), items.items, strict=True)
                for line in self.wrapped(item, "", f"{sign} ", " " * (len(sign) + 1))
            ],
            Table: self._table,
            KeyValues: self._pairs,
            Code: self._code,
            Figure: self._figure,
            Details: self._details,
        }
        return writers[type(block)](block)

    def _note(self, note: Note) -> list[str]:
        title = note.title or theme.WORDS.get(note.tone, "") or "Note"
        sign = theme.SIGNS.get(note.tone, "") or "i"
        head = self.paint(f"{sign} {one_line(title)}:", note.tone)
        lines = self.wrapped(note.text, "", "  ", "  ")
        if not self._colour and columns_of(head) + 1 + columns_of(one_line(note.text)) <= self.width:
            return [f"{head} {one_line(note.text)}"]
        return [*(self.wrapped(f"{sign} {one_line(title)}:", note.tone)), *lines]

    def _table(self, table: Table) -> list[str]:
        rows = [[_as_cell(value) for value in row] for row in table.rows]
        header = [Cell(one_line(column)) for column in table.columns]
        widths = column_widths([header, *rows], self.width)
        lines = self.wrapped(table.caption, "muted") if table.caption else []
        lines += self._row(header, widths, table.numeric, head=True)
        lines.append(self.paint((" " * _GAP).join("─" * width for width in widths), "muted"))
        for row in rows:
            lines += self._row(row, widths, table.numeric)
        return lines + self._legend(rows)

    def _pairs(self, pairs: KeyValues) -> list[str]:
        rows = [[_as_cell(value) for value in row] for row in pairs.rows]
        widths = column_widths(rows, self.width)
        lines = [line for row in rows for line in self._row(row, widths, ())]
        return lines + self._legend(rows)

    def _row(
        self, row: Sequence[Cell], widths: list[int], numeric: tuple[int, ...], head: bool = False
    ) -> list[str]:
        folded = [
            [part for line in _shown(cell).split("\n") for part in fold(line, width)]
            for cell, width in zip(row, widths, strict=False)
        ]
        lines = []
        for i in range(max((len(cell) for cell in folded), default=0)):
            parts = []
            for column, (cell, width) in enumerate(zip(folded, widths, strict=False)):
                text = cell[i] if i < len(cell) else ""
                blank = " " * (width - columns_of(text))
                painted = self.paint(text, "bold" if head else row[column].tone)
                parts.append(blank + painted if column in numeric else painted + blank)
            lines.append((" " * _GAP).join(parts))
        return lines

    def _legend(self, rows: list[list[Cell]]) -> list[str]:
        return (
            [self.paint("* not the default", "muted")]
            if any(cell.mark for row in rows for cell in row)
            else []
        )

    def _code(self, code: Code) -> list[str]:
        caption = self.wrapped(code.caption, "muted") if code.caption else []
        source = plain(code.source).expandtabs(4).rstrip("\n").split("\n")
        # a line of code is broken, not cut: its end may be what counts
        pieces = [piece for line in source for piece in broken(line, max(self.width - 4, 8))]
        return [*caption, *(f"    {piece}" for piece in pieces)]

    def _figure(self, figure: Figure) -> list[str]:
        caption = self.wrapped(figure.caption, "muted") if figure.caption else []
        return self.wrapped(f"[figure] {one_line(figure.alt)}") + caption

    def _details(self, details: Details) -> list[str]:
        inner = _Writer(self.width - 2, self._colour)
        lines = self.wrapped(one_line(details.title), "bold", "▾ ", "  ")
        for block in details.blocks:
            lines += [f"  {line}" for line in inner.block(block)]
        return lines


def _as_cell(value: Cell | str) -> Cell:
    return value if isinstance(value, Cell) else Cell(str(value))


def _shown(cell: Cell) -> str:
    return plain(cell.text).expandtabs(4) + (" *" if cell.mark else "")


def broken(line: str, width: int) -> list[str]:
    """Break a line into pieces of at most `width` columns, between any two characters."""
    pieces, piece, used = [], "", 0
    for character in line:
        columns = columns_of(character)
        if used + columns > width:
            pieces, piece, used = [*pieces, piece], "", 0
        piece, used = piece + character, used + columns
    return [*pieces, piece]


def cut(line: str, width: int) -> str:
    """Return the line cut to `width` columns, with an ellipsis where something is missing."""
    if columns_of(line) <= width:
        return line
    kept, used = [], 1
    for letter in line:
        used += columns_of(letter)
        if used > width:
            break
        kept.append(letter)
    return "".join(kept) + "…"


def fold(line: str, width: int) -> list[str]:
    """Return the line broken at blanks into lines of at most `width` columns; longer words are broken too."""
    width = max(width, 2)
    if columns_of(line) <= width:
        return [line]
    # textwrap counts letters; wide letters take two columns, so such a text is folded at half the width
    letters = width if columns_of(line) == len(line) else max(width // 2, 1)
    return textwrap.wrap(line, letters, break_on_hyphens=False) or [""]


def column_widths(rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    """Return a width for each column: what it needs, the widest narrowed until the row fits into `width`."""
    count = max((len(row) for row in rows), default=0)
    needed = [1] * count
    for row in rows:
        for i, cell in enumerate(row):
            needed[i] = max(needed[i], *(columns_of(line) for line in _shown(cell).split("\n")))
    room = max(width - _GAP * (count - 1), count * 2)
    while sum(needed) > room:
        widest = max(range(count), key=needed.__getitem__)
        others = sorted(needed)[-2] if count > 1 else 0
        step = max(1, min(sum(needed) - room, needed[widest] - others))
        floor = _NARROWEST if room >= count * _NARROWEST else 2
        if needed[widest] <= floor:
            break
        needed[widest] = max(floor, needed[widest] - step)
    return needed
