"""From prints to the lines of a log."""

from __future__ import annotations

import io
from typing import Any

import pytest

from nbtrain.telemetry import print_lines
from nbtrain.telemetry.print_lines import LINE_CHARACTERS, LINES_AT_ONCE, PENDING_CHARACTERS, Prints


def heard(*texts: str, stream: str = "stdout") -> Prints:
    prints = Prints()
    for text in texts:
        prints.hear(stream, text)
    return prints


def test_a_line_comes_when_it_is_whole() -> None:
    """Pieces become a line at its newline; the end brings what never got one."""
    prints = heard("a", " ", "b", "\nc")
    assert prints.take() == ["a b"]
    assert prints.unfinished == "c"
    prints.hear("stdout", "d")
    assert prints.take() == []
    assert prints.take(last=True) == ["cd"]
    assert prints.unfinished == "" and prints.take(last=True) == []


def test_both_streams_keep_their_own_lines_in_order() -> None:
    """Lines of stdout and stderr come in the order in which they ended; halves of lines do not mix."""
    prints = Prints()
    for stream, text in (("stdout", "o1"), ("stderr", "e1\n"), ("stdout", "\n"), ("stderr", "e2\n")):
        prints.hear(stream, text)

    assert prints.take() == ["e1", "o1", "e2"]


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("\r 1%\r 50%\r100%\n", "100%"),
        ("long line\rshort\n", "shortline"),
        ("long line\r\x1b[Kshort\n", "short"),
        ("abc\x08\x08X\n", "aXc"),
        ("windows\r\n", "windows"),
        ("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\n", "red link"),
        ("bell\x07 \ud800\n", "bell\ufffd \ufffd"),
    ],
)
def test_a_line_is_as_a_terminal_would_show_it(written: str, line: str) -> None:
    """Carriage returns overwrite, colours go, what cannot be shown is replaced."""
    assert heard(written).take() == [line]


class Bars(io.StringIO):
    """A stream whose writes are heard, for tqdm."""

    def __init__(self, prints: Prints) -> None:
        super().__init__()
        self.prints = prints

    def write(self, text: str) -> int:
        self.prints.hear("stderr", text)
        return super().write(text)


def bar(prints: Prints, total: int, **more: Any) -> Any:
    tqdm = pytest.importorskip("tqdm")
    return tqdm.tqdm(range(total), file=Bars(prints), mininterval=0, ascii=True, ncols=60, **more)


def test_a_bar_is_one_line_as_it_ended() -> None:
    """tqdm's thousands of states are one line of the log, the last; meanwhile its state can be looked at."""
    prints, lines, seen = Prints(), [], ""
    for at in bar(prints, 500):
        if at % 100 == 0:
            lines += prints.take()
            seen = prints.unfinished
    lines += prints.take()

    assert "400/500" in seen
    assert len(lines) == 1 and "100%" in lines[0] and "500/500" in lines[0]


def test_nested_bars_are_a_line_each() -> None:
    """A bar inside a bar moves the cursor up and down; still no state but the last becomes a line."""
    prints, lines = Prints(), []
    for _ in bar(prints, 3, desc="outer", position=0):
        for at in bar(prints, 50, desc="inner", position=1):
            if at % 10 == 0:
                lines += prints.take()
    lines += prints.take(last=True)

    outer = [line for line in lines if line.startswith("outer")]
    inner = [line for line in lines if line.startswith("inner")]
    assert "3/3" in outer[-1] and len(outer) <= 2
    assert len(inner) <= 3 and all("50/50" in line for line in inner)


def test_a_flood_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a flood the beginning and the end stay, and the number between; later only a few lines a second."""
    now = [100.0]
    monkeypatch.setattr(print_lines.time, "monotonic", lambda: now[0])
    prints = heard(*(f"line {i}\n" for i in range(LINES_AT_ONCE + 500)))
    lines = prints.take()
    assert len(lines) == LINES_AT_ONCE + 1
    assert lines[0] == "line 0" and lines[-1] == f"line {LINES_AT_ONCE + 499}"
    assert [line for line in lines if "500 printed lines were left out" in line]

    now[0] += 1.0
    prints.hear("stdout", "more\n" * 100)
    assert prints.take().count("more") == print_lines.LINES_PER_SECOND
    now[0] += 3600.0
    prints.hear("stdout", "more\n" * 100)
    assert prints.take() == ["more"] * 100


def test_memory_between_two_rounds_is_bounded() -> None:
    """A print that nobody takes for a while keeps a bounded text, and the lines beyond it are counted."""
    prints = Prints()
    for _ in range(30_000):
        prints.hear("stdout", "0123456789abcdef\n")
    assert sum(len(text) for _, text in prints._heard) <= PENDING_CHARACTERS
    lines = prints.take()

    said = [int(line.split()[1].replace(",", "")) for line in lines if "left out" in line]
    kept = [line for line in lines if line.startswith("0123")]
    assert sum(said) + len(kept) == pytest.approx(30_000, abs=2)


def test_a_long_line_is_broken() -> None:
    """A line without end, such as a dot for each batch, is broken and nothing of it is lost."""
    prints = heard(*["." * 100] * 50)
    lines = [*prints.take(), *prints.take(last=True)]

    assert max(map(len, lines)) == LINE_CHARACTERS
    assert sum(map(len, lines)) == 5000
