"""Reports in a terminal: exact form, width, and no way for a text to control the terminal."""

from __future__ import annotations

import re

import pytest

from nbtrain.report.model import Cell, Report, Section, Table
from nbtrain.report.plain import columns_of
from nbtrain.report.terminal import to_text


@pytest.mark.parametrize("width", [20, 40, 100])
def test_no_line_is_wider_than_asked(hostile_report: Report, width: int) -> None:
    """Every line fits, also with wide letters and long words; wide tables are wrapped."""
    lines = to_text(hostile_report, width).split("\n")

    assert max(map(columns_of, lines)) <= width


def test_no_text_can_control_the_terminal(hostile_report: Report) -> None:
    """No escape or control character of a text arrives, in colour neither."""
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]", to_text(hostile_report))
    coloured = re.sub("\x1b\\[[0-9]+m", "", to_text(hostile_report, colour=True))
    assert "\x1b" not in coloured and "\x07" not in coloured


def test_colour_changes_no_letter(small_report: Report) -> None:
    """Without its colours the coloured text is the plain one, columns aligned alike."""
    coloured = to_text(small_report, colour=True)

    assert "\x1b[31m" in coloured
    bare = [line.rstrip() for line in re.sub("\x1b\\[[0-9]+m", "", coloured).split("\n")]
    assert [line for line in bare if "Nothing was" not in line and "Note" not in line] == [
        line for line in to_text(small_report).split("\n") if "Nothing was" not in line
    ]


def test_exact_form(small_report: Report) -> None:
    """The whole text of a small report is as written here."""
    assert to_text(small_report, 60) == (
        "Review of cell 3\n════════════════\n! 2 findings\n\nFindings\n────────\nTwo findings\n"
        "Issue        Current  Value\n───────────  ───────  ─────\nlr too high  lr=0.1   1,234\n"
        "no clipping  –          5 *\n* not the default\n\ni Note: Nothing was changed.\n\n"
        "More\n────\n- one\n- two\n\n▾ Code\n  Fix\n      x = 1\n"
    )


def test_a_wide_table_is_wrapped_not_cut() -> None:
    """Every word of a long cell is there, in its column."""
    words = " ".join(f"word{i}" for i in range(40))
    text = to_text(Report("t", (Section("", (Table(("a", "b"), (("x", Cell(words)),)),)),)), 50)

    assert text.split() == ["t", "═", "a", "b", "─", "─" * 47, "x", *words.split()]
