"""What of a LiveCurve was sent to the pages, and the next message. Knows nothing of widgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbtrain.telemetry.curve import LiveCurve

MESSAGE_BYTES = 6000  # with the state beside it an update stays below 8 KB
Message = tuple[dict[str, Any], list[bytes]]


class CurveFeed:
    """Sends a curve as appends.

    Args:
        name: the curve's id on the page.
        curve: read, never changed.
    """

    def __init__(self, name: str, curve: LiveCurve) -> None:
        self.name = name
        self.curve = curve
        self._sent = (0, 0)
        self._sent_rows = 0
        self._caught_up = True

    @property
    def sent(self) -> list[int]:
        """Level, full buckets and rows that a page holds that lost nothing."""
        return [*self._sent, self._sent_rows]

    def next(self) -> Message | None:
        """Return the message with what came since the last one; None if nothing did."""
        if self._caught_up and self.curve.rows == self._sent_rows:
            return None
        return self._message()

    def since(self, level: int, full: int) -> Iterator[Message]:
        """Yield all that a page lacks that has `full` buckets at `level`; (0, 0) gives the whole curve."""
        self._sent, self._caught_up = (level, full), self.curve.rows == 0
        while not self._caught_up:
            yield self._message()

    def _message(self) -> Message:
        header, data = self.curve.blocks_since(*self._sent, max_bytes=MESSAGE_BYTES)
        level, rows, end = header["level"], header["rows"], header["offset"] + header["count"]
        self._sent = (level, min(end, rows >> level))
        self._sent_rows = rows
        self._caught_up = end >= -(-rows // (1 << level))
        return {"type": "curve", "id": self.name, "header": header}, [data]
