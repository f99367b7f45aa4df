"""A report as an HTML fragment: one autoescaping template, one scoped style sheet, no JavaScript.

The only strings that reach the page unescaped are the style sheet of this package and base64 pictures drawn
here.
"""

from __future__ import annotations

import base64
import functools
import re
from typing import Any

import jinja2
from markupsafe import Markup, escape

from nbtrain.report import theme
from nbtrain.report.model import Block, Cell, Figure, KeyValues, Report
from nbtrain.report.plain import plain

# A name between single backticks on one line, as texts for people write code; a backtick alone stays one.
_NAME = re.compile(r"(?<!`)`(?! )([^`\n]*[^`\n ])`(?!`)")


def to_html(report: Report) -> str:
    """Return an HTML fragment that needs no JavaScript, right in light and dark themes.

    Every figure is embedded twice, drawn for light and for dark; the style sheet shows one of them, and where
    a page drops style sheets only the light one remains visible.
    """
    return _environment().get_template("report.html.j2").render(report=report, css=_css())


def to_page(report: Report) -> str:
    """Return a whole HTML page that needs no other file: the fragment of `to_html` in its own document."""
    return _environment().get_template("page.html.j2").render(report=report, body=Markup(to_html(report)))


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nbtrain.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(kind=_kind, cell=_cell, lines=_lines, prose=_prose, rows=_rows)
    environment.globals.update(picture=_picture, signs=theme.SIGNS, words=theme.WORDS)
    return environment


@functools.cache
def _css() -> Markup:
    source = _environment().get_template("report.css.j2")
    return Markup(source.render(light=theme.css_variables(), dark=theme.css_variables(dark=True)))


def _shown(value: Any) -> Any:
    """Clean every expression of a template before it is escaped; safe markup and non-strings pass."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return plain(value)
    return value


def _prose(text: object) -> Markup:
    """Return the text escaped, with names between backticks as code."""
    return Markup(_NAME.sub(r"<code>\1</code>", str(escape(plain(text)))))


def _kind(block: Block) -> str:
    return type(block).__name__


def _cell(value: Cell | str) -> Cell:
    return value if isinstance(value, Cell) else Cell(str(value))


def _rows(pairs: KeyValues) -> list[tuple[Cell, ...]]:
    """Return the rows equally long; a column of remarks in which none stands is left out."""
    rows = [tuple(_cell(value) for value in row) for row in pairs.rows]
    filled = [i + 1 for row in rows for i, cell in enumerate(row) if cell.text]
    width = max([2, *filled])
    return [(row + (Cell(""),) * width)[:width] for row in rows]


def _lines(source: str, language: str) -> list[tuple[str, str]]:
    """Return (class, line) for each line of a source: added and removed lines of a diff are told apart."""
    marks = {"+": "add", "-": "del", "@": "hunk"} if language == "diff" else {}
    lines = plain(source).rstrip("\n").split("\n")
    return [(marks.get(line[:1], ""), line) for line in lines]


def _picture(figure: Figure, dark: bool) -> str:
    from nbtrain.report.figures import draw  # matplotlib takes 0.3 s to import: only reports with figures pay

    return "data:image/png;base64," + base64.b64encode(draw(figure, dark=dark)).decode("ascii")
