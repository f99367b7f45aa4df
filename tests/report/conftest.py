"""A report with a hostile text in every place that takes one."""

from __future__ import annotations

import functools

import pytest

from nbtrain.report.model import (
    Axes,
    Cell,
    Code,
    Details,
    Figure,
    Items,
    KeyValues,
    Mark,
    Note,
    Report,
    Section,
    Series,
    Table,
    Text,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</code></pre></div></style><b>bold</b>",
    "a | b || c\n| d |",
    "`code` ``` *bold* _em_ ~~gone~~ [link](javascript:alert(1)) ![i](x) <http://x.y> https://x.y www.x.y",
    "# heading\n\n- item\n1. one\n> quote\n---\n===",
    "{{ 7 * 7 }} {% for x in y %} ${1+1} $x_1^2$ $$\\frac{$$ \\(x\\)",
    "\x1b[31mred\x1b[0m \x00\x07 \ud800 \u202ereversed\u202c",
    "<details><summary>x</summary>",
    "中文 العربية 🚀 e\u0301",
    "\\",
    "",
]


@functools.cache
def html_of(text: str) -> str:
    """Return the HTML of `report_of(text)`, drawn once for all tests."""
    return report_of(text).to_html()


def report_of(text: str) -> Report:
    """Put one text into every place of a report that takes a text."""
    series = Series(text, (1.0, 2.0, 3.0), (1.0, 0.5, 0.2))
    figure = Figure((Axes(text, (series,), text, text, marks=(Mark(2.0, text),)),), text, caption=text)
    table = Table(
        (text, "b"), ((Cell(text, "good", code=True, mark=True), text), (text, Cell(text, text))), text, (1,)
    )
    blocks = (
        Text(text, text),
        Note(text, "warning", text),
        Items((text, text)),
        table,
        KeyValues(((text, Cell(text, code=True), text), (text, text))),
        Code(text, text, text),
        Code(f"-{text}\n+{text}", "diff"),
        figure,
    )
    return Report(text, (Section(text, (*blocks, Details(text, blocks[:-1]))),), text, text)


@pytest.fixture(params=HOSTILE, ids=range(len(HOSTILE)))
def hostile(request: pytest.FixtureRequest) -> str:
    """Give one hostile text after the other."""
    return request.param


@pytest.fixture
def hostile_report(hostile: str) -> Report:
    """Give a report that has the hostile text in every place."""
    return report_of(hostile)


@pytest.fixture
def small_report() -> Report:
    """Give a small report of every kind of block, for exact comparisons."""
    return Report(
        "Review of cell 3",
        (
            Section(
                "Findings",
                (
                    Table(
                        ("Issue", "Current", "Value"),
                        (
                            ("lr too high", Cell("lr=0.1", code=True), Cell("1,234", "critical")),
                            ("no clipping", Cell("–", "muted"), Cell("5", mark=True)),
                        ),
                        "Two findings",
                        (2,),
                    ),
                    Note("Nothing was changed.", "info"),
                ),
            ),
            Section("More", (Items(("one", "two")), Details("Code", (Code("x = 1\n", "python", "Fix"),)))),
        ),
        "2 findings",
        "warning",
        {"findings": 2, "loss": float("nan")},
    )
