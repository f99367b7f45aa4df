"""The end of a run's log, read on as it grows. Knows nothing of widgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FIRST_BYTES = 24_000
STEP_BYTES = 6000


class LogTail:
    """Reads a log file by whole lines, some kilobytes at a time."""

    def __init__(self) -> None:
        self._at = 0
        self.is_open = False
        self._printing: str | None = None

    def open(self, path: Path | None, end: int = 0) -> None:
        """Begin where the page ends, or near the end of the file."""
        self.is_open = True
        size = path.stat().st_size if path is not None and path.is_file() else 0
        self._at = end if 0 < end <= size and size - end <= FIRST_BYTES else max(0, size - FIRST_BYTES)
        self._printing = None  # the page may show a bar that ended since

    def close(self) -> None:
        """Stop reading."""
        self.is_open = False

    def next(self, path: Path | None) -> dict[str, Any] | None:
        """Return the next lines as a message, None if there are none."""
        if not self.is_open or path is None or not path.is_file():
            return None
        with path.open("rb") as file:
            file.seek(self._at)
            data = file.read(STEP_BYTES)
        whole = data.rfind(b"\n") + 1 or (len(data) if len(data) == STEP_BYTES else 0)
        if not whole:
            return None
        start, self._at = self._at, self._at + whole
        return {"type": "log", "start": start, "end": self._at, "text": data[:whole].decode(errors="replace")}

    def printing(self, text: str) -> dict[str, Any] | None:
        """Return what is printed just now and stands in no file yet as a message, None if the page has it."""
        if not self.is_open or text == self._printing:
            return None
        self._printing = text
        return {"type": "printing", "text": text}
