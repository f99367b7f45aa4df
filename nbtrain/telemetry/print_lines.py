"""From what a thread prints to the lines of a log: the last state of a bar, a bounded number of lines."""

from __future__ import annotations

import re
import time
from collections import deque

from nbtrain.report.plain import plain

# What is kept between two rounds of the pump, and so what one round has to look at: 5 to 10 ms of its thread.
PENDING_CHARACTERS = 200_000
LINE_CHARACTERS = 2000  # longer ones are broken
LINES_AT_ONCE = 2000
# A line a step of a fast loop would fill the disk: this is some 80 MB a day at most.
LINES_PER_SECOND = 10

_MARKS = re.compile(
    "(\n|\r|\x08"
    "|\x1b\\[[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    "|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)"  # titles and links of terminals
    ")"
)


class Prints:
    """What one thread prints, until the pump takes it as lines.

    Written to by that thread, read by one other; between them lies only a deque, so a print never waits and a
    process forked in the middle of one is no trouble.
    """

    def __init__(self) -> None:
        self._heard: deque[tuple[str, str]] = deque()
        self._put = self._got = 0  # characters, each counted by one thread
        self._lost = self._lost_said = 0  # lines
        self._screens: dict[str, Screen] = {}
        self._room, self._filled_at = float(LINES_AT_ONCE), time.monotonic()

    def hear(self, stream: str, text: str) -> None:
        """Keep a text for the pump; when it is far behind, only count the lines. About 0.3 us."""
        room = PENDING_CHARACTERS - (self._put - self._got)
        if len(text) > room:
            self._lost += max(1, text[max(room, 0) :].count("\n"))
            text = text[: max(room, 0)]
            if not text:
                return
        self._put += len(text)
        self._heard.append((stream, text))

    def take(self, *, last: bool = False) -> list[str]:
        """Return the lines that are whole, each fit to be shown; with `last` also those that are not.

        A progress bar is one line, as it stood when it ended. More than LINES_AT_ONCE lines, or in the long
        run LINES_PER_SECOND, are left out in the middle, and their number is said.
        """
        lines: list[str] = []
        while self._heard:
            stream, text = self._heard.popleft()
            self._got += len(text)
            screen = self._screens.setdefault(stream, Screen())
            screen.feed(text)
            if not screen.moves_up:  # at once, so that the lines of both streams keep their order
                lines += screen.settled()
        for screen in self._screens.values():
            lines += screen.settled()
        lost, self._lost_said = self._lost - self._lost_said, self._lost
        if last or lost:
            for screen in self._screens.values():
                lines += screen.settled(everything=True)
        return self._within_limits([plain(line) for line in lines], lost)

    @property
    def unfinished(self) -> str:
        """What is not a whole line yet, such as a progress bar: as it stood when the pump looked last."""
        # a copy: a page may ask while the pump adds a stream
        standing = [screen.standing for screen in list(self._screens.values())]
        return plain("\n".join(filter(None, standing)))

    def _within_limits(self, lines: list[str], lost: int) -> list[str]:
        now = time.monotonic()
        self._room = min(LINES_AT_ONCE, self._room + LINES_PER_SECOND * (now - self._filled_at))
        self._filled_at = now
        room = int(self._room)
        cut = max(0, len(lines) - room)
        if cut:
            head = (room + 1) // 2
            lines = [*lines[:head], _left_out(cut), *lines[len(lines) - (room - head) :]]
        if lost:
            lines.append(_left_out(lost))
        self._room -= min(room, len(lines))
        return lines


def _left_out(count: int) -> str:
    lines = "1 printed line was" if count == 1 else f"{count:,} printed lines were"
    limits = f"{LINES_AT_ONCE:,} at once, then {LINES_PER_SECOND} a second"
    return f"… {lines} left out here: a run's log keeps {limits}"


class Screen:
    """The rows of one stream that may still change, by a carriage return, a backspace, a cursor moved up.

    Attributes:
        moves_up: the cursor has moved up before, as nested progress bars have it do.
    """

    def __init__(self) -> None:
        self._rows = [""]
        self._row = self._column = 0
        self.moves_up = False
        self._above = 0  # rows above the cursor when `settled` was asked last

    @property
    def standing(self) -> str:
        """The rows as they stand."""
        return "\n".join(self._rows).strip()

    def feed(self, text: str) -> None:
        """Write a text as a terminal would."""
        for part in _MARKS.split(text):
            if part == "\n":
                self._row, self._column = self._row + 1, 0
                if self._row == len(self._rows):
                    self._rows.append("")
            elif part == "\r":
                self._column = 0
            elif part == "\x08":
                self._column = max(0, self._column - 1)
            elif part.startswith("\x1b"):
                self._obey(part)
            elif part:
                self._put(part)

    def settled(self, *, everything: bool = False) -> list[str]:
        """Return the rows that change no more, and forget them.

        Those are the rows above the cursor; of a stream that moves up, as nested progress bars do, those
        that were above it the last time too.
        """
        sure = min(self._row, self._above) if self.moves_up else self._row
        if everything:
            sure = len(self._rows)
        self._above = self._row - min(self._row, sure)
        if not sure:
            return []
        rows = [row.rstrip() for row in self._rows[:sure]]
        self._rows = self._rows[sure:] or [""]
        self._row = self._above
        if everything:
            self._column = 0
            while rows and not rows[-1]:
                rows.pop()
        return rows

    def _put(self, text: str) -> None:
        while text:
            if self._column >= LINE_CHARACTERS:
                self._row, self._column = self._row + 1, 0
                self._rows.insert(self._row, "")
            part, text = text[: LINE_CHARACTERS - self._column], text[LINE_CHARACTERS - self._column :]
            row, end = self._rows[self._row], self._column + len(part)
            self._rows[self._row] = row[: self._column].ljust(self._column) + part + row[end:]
            self._column = end

    def _obey(self, sequence: str) -> None:
        """Move up, erase; colours and the rest say nothing in a log."""
        if sequence.endswith("A") and sequence[1] == "[":
            self.moves_up = True
            digits = sequence[2:-1]
            self._row = max(0, self._row - (int(digits) if digits.isdigit() else 1))
        elif sequence.endswith("K") and sequence[1] == "[":
            row = self._rows[self._row]
            self._rows[self._row] = row[: self._column] if sequence[2:-1] in ("", "0") else ""
