"""A report as GitHub-flavoured Markdown. Every text is escaped: none becomes markup, HTML or a cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

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
from nbtrain.report.plain import one_line, plain

_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# `$` opens a formula in Jupyter and on GitHub; an underscore inside a word opens nothing and stays readable.
_SPECIAL = re.compile(r"[\\`*\[\]~$|!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LINE_START = re.compile(r"^(\s*)([#+=-]|\d+(?=[.)]))")
_AUTOLINK = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(:)|(\bwww)(\.)")


def to_markdown(report: Report, figures_dir: Path | None = None, *, beside: bool = False) -> str:
    """Return GitHub-flavoured Markdown.

    Args:
        figures_dir: where to write the figures as PNG (made if absent); the text links to them by the
            folder's name, so the text belongs beside that folder. None: figures appear as their descriptions.
        beside: the text itself belongs into that folder, so the links are the files' names.
    """
    writer = _Writer(figures_dir, beside)
    parts = [f"# {_text(report.title)}"]
    if report.headline:
        sign = theme.SIGNS.get(report.tone, "")
        parts.append(f"**{_text(f'{sign} {report.headline}'.strip())}**")
    for section in report.sections:
        if section.title:
            parts.append(f"## {_text(section.title)}")
        parts.extend(writer.block(block) for block in section.blocks)
    return "\n\n".join(part for part in parts if part) + "\n"


class _Writer:
    """Writes blocks one after the other; counts the figures it puts into the folder."""

    def __init__(self, figures_dir: Path | None, beside: bool = False) -> None:
        self._figures_dir, self._beside = figures_dir, beside
        self._figures = 0

    def block(self, block: Block) -> str:
        writers: dict[type, Callable[..., str]] = {
            Text: lambda text: _paragraph(text.text),
            Note: _note,
            Items: lambda items: "\n".join(
                f"{sign} {_text(item)}" for sign, item in zip(items.signs(), items.items, strict=True)
            ),
            Table: _table,
            KeyValues: _pairs,
            Code: _code,
            Figure: self._figure,
            Details: self._details,
        }
        return writers[type(block)](block)

    def _figure(self, figure: Figure) -> str:
        caption = f"\n\n*{_text(figure.caption)}*" if figure.caption else ""
        if self._figures_dir is None:
            return f"*Figure:* {_text(figure.alt)}{caption}"
        from nbtrain.report.figures import (
            draw,
        )  # matplotlib takes 0.3 s to import: only those who write figures pay

        self._figures += 1
        self._figures_dir.mkdir(parents=True, exist_ok=True)
        path = self._figures_dir / f"{figure.name or f'figure-{self._figures}'}.png"
        path.write_bytes(draw(figure))
        folder = re.sub(r"[^A-Za-z0-9._-]", lambda match: _percent(match[0]), self._figures_dir.name)
        link = path.name if self._beside else f"{folder}/{path.name}"
        return f"![{_text(figure.alt)}]({link}){caption}"

    def _details(self, details: Details) -> str:
        inner = "\n\n".join(self.block(block) for block in details.blocks)
        return f"<details>\n<summary>{_html(one_line(details.title))}</summary>\n\n{inner}\n\n</details>"


def _percent(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "replace"))


def _html(text: str) -> str:
    return re.sub("[&<>]", lambda match: _HTML[match[0]], text)


def _text(text: object) -> str:
    """Return one line in which nothing is markup."""
    escaped = _SPECIAL.sub(lambda match: "\\" + match[0], one_line(text))
    escaped = _AUTOLINK.sub(
        lambda match: (match[1] or match[3]) + ("&#58;" if match[1] else "&#46;"), _html(escaped)
    )
    return _LINE_START.sub(
        lambda match: match[1] + (f"{match[2]}\\" if match[2].isdigit() else f"\\{match[2]}"), escaped
    )


def _paragraph(text: str) -> str:
    """Keep the line breaks a text has; a blank line stays a new paragraph."""
    lines = plain(text).strip().split("\n")
    return "\n".join(f"{_text(line)}  " if line.strip() and i + 1 < len(lines) else _text(line)
                     for i, line in enumerate(lines))  # fmt: skip


def _note(note: Note) -> str:
    title = note.title or theme.WORDS.get(note.tone, "") or "Note"
    lines = [f"**{_text(title)}**", *(_text(line) for line in plain(note.text).split("\n"))]
    return "\n".join(f"> {line}  " if i + 1 < len(lines) else f"> {line}" for i, line in enumerate(lines))


def _span(text: str) -> str:
    """Return a code span: its fence is longer than any run of backticks inside."""
    inner = one_line(text)
    if not inner:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", inner)), default=0) + 1)
    pad = " " if inner[0] == "`" or inner[-1] == "`" else ""
    return f"{fence}{pad}{inner}{pad}{fence}"


def _cell(value: Cell | str) -> str:
    cell = value if isinstance(value, Cell) else Cell(str(value))
    # A pipe ends a cell even inside a code span, so there it takes a backslash too.
    text = _span(cell.text).replace("|", "\\|") if cell.code else _text(cell.text)
    return f"{text} (\\*)" if cell.mark else text


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(table: Table) -> str:
    rule = ["---:" if i in table.numeric else "---" for i in range(len(table.columns))]
    rows = [[_cell(value) for value in row] for row in table.rows]
    lines = [_row([_text(column) for column in table.columns]), _row(rule), *(_row(row) for row in rows)]
    caption = f"*{_text(table.caption)}*\n\n" if table.caption else ""
    return caption + "\n".join(lines) + _legend(table.rows)


def _pairs(pairs: KeyValues) -> str:
    width = max((len(row) for row in pairs.rows), default=0)
    if width == 0:
        return ""
    rows = [[_cell(value) for value in row] + [""] * (width - len(row)) for row in pairs.rows]
    return "\n".join([_row([""] * width), _row(["---"] * width), *(_row(row) for row in rows)]) + _legend(
        pairs.rows
    )


def _legend(rows: tuple[tuple[Cell | str, ...], ...]) -> str:
    marked = any(isinstance(value, Cell) and value.mark for row in rows for value in row)
    return "\n\n(\\*) not the default" if marked else ""


def _code(code: Code) -> str:
    source = plain(code.source).rstrip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", source)), default=0))
    language = re.sub(r"[^A-Za-z0-9+-]", "", code.language)
    caption = f"*{_text(code.caption)}*\n\n" if code.caption else ""
    return f"{caption}{fence}{language}\n{source}\n{fence}"
