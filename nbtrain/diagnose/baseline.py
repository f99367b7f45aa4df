"""The report of a baseline, read for what a diagnosis can use: its title, its verdict, the numbers of its
tables.

A report is Markdown that anybody may have written: nothing in it is believed beyond plain words and
numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nbtrain.errors import UsageError

_ROW = re.compile(r"^\s*\|(.+)\|\s*$")
_PAIR = re.compile(r"^\s*[-*]\s+\**([^:*|]{2,40}?)\**\s*:\s*\**\s*(.{1,80}?)\**\s*$")
_ESCAPE = re.compile(r"\\([\\`*_\[\]~$|!#+=-])")
_MOST = 14  # rows
_LARGEST = 2_000_000  # bytes; a report is some kilobytes
_WANTED = (
    "batch",
    "learning rate",
    "lr",
    "optimizer",
    "weight decay",
    "dropout",
    "epochs",
    "steps",
    "loss",
    "accuracy",
    "time",
    "throughput",
    "seed",
    "parameters",
    "precision",
)


@dataclass(frozen=True)
class Baseline:
    """What a baseline's report says. `facts`: (name, value) as they stand in it."""

    path: str
    title: str = ""
    headline: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    def number(self, *names: str) -> float | None:
        """Return the first number of the first fact whose name holds one of the words, or None."""
        for name, value in self.facts:
            if any(word in name.lower() for word in names):
                match = re.search(r"-?\d[\d,]*\.?\d*(?:[eE][+-]?\d+)?", value)
                if match:
                    return float(match[0].replace(",", ""))
        return None


def read_baseline(path: str | Path) -> Baseline:
    """Read a report.

    Raises:
        UsageError: there is no such file, or it is no text.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise UsageError(
            f"There is no baseline report `{path}`.",
            suggestion="Give the Markdown report of the baseline run.",
            path=str(path),
        )
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The baseline report `{path}` cannot be read as text: {error}.", path=str(path)
        ) from None
    title = next((line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("# ")), "")
    headline = next(
        (line.strip().strip("*").strip() for line in text.splitlines() if line.strip().startswith("**")), ""
    )
    return Baseline(str(path), _plain(title), _plain(headline), tuple(_facts(text))[:_MOST])


def _facts(text: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        cells: list[str] = []
        if row := _ROW.match(line):
            cells = [_plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", row[1])]
        elif pair := _PAIR.match(line):
            cells = [_plain(pair[1].strip()), _plain(pair[2].strip())]
        if len(cells) < 2 or not cells[0] or set(cells[0]) <= set("-: "):
            continue
        words = cells[0].lower()
        if len(words) <= 40 and any(re.search(rf"(^|[^a-z]){re.escape(word)}", words) for word in _WANTED):
            found.setdefault(cells[0], cells[1])
    return [(name, value) for name, value in found.items() if value]


def _plain(text: str) -> str:
    return _ESCAPE.sub(r"\1", text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).strip(
        "*` "
    )
