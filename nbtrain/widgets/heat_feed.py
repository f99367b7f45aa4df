"""What of a LayerHistory was sent to the pages, and the next messages. Knows nothing of widgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbtrain.telemetry.layer_history import LayerHistory

MESSAGE_BYTES = 6000
Message = tuple[dict[str, Any], list[bytes]]


class HeatFeed:
    """Sends the layers' history as appends.

    Args:
        history: read, never changed.
    """

    def __init__(self, history: LayerHistory) -> None:
        self._history = history
        self._sent = (0, 0)
        self._sent_samples = 0
        self._named = False

    def next(self) -> Iterator[Message]:
        """Yield what came since the last time: the names of the rows once, then columns."""
        history = self._history
        if not history.names:
            return
        if not self._named:
            self._named = True
            yield from self._names()
        while history.samples != self._sent_samples:
            header, data = history.blocks_since(*self._sent, MESSAGE_BYTES)
            end = header["offset"] + header["count"]
            whole = header["samples"] >> header["level"]
            self._sent = (header["level"], min(end, whole))
            if end >= -(-header["samples"] // (1 << header["level"])):
                self._sent_samples = header["samples"]
            yield {"type": "heat", "header": header}, [data]

    def again(self, level: int = 0, full: int = 0) -> None:
        """Send again what a page lacks that has `full` columns at `level`; names too if it has nothing."""
        self._sent, self._sent_samples = (level, full), 0
        self._named = self._named and bool(level or full)

    def _names(self) -> Iterator[Message]:
        names, start = self._history.names, 0
        while start < len(names):
            end, size = start, 0
            while end < len(names) and size < MESSAGE_BYTES // 2:
                size += len(names[end].encode()) + 4
                end += 1
            told = {"start": start, "total": len(names), "names": list(names[start:end])}
            yield {"type": "heat-names", **told}, []
            start = end
