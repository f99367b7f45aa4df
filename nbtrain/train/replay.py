"""The replay check: a digest of each step's loss is journaled, so that steps done again after a crash can be
compared with the first time. Works on the rows the pump has anyway; the step reads nothing.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nbtrain.errors import RunFolderError
from nbtrain.runs.journal import Journal, read_journal
from nbtrain.runs.layout import DIGESTS_FILE

DIGEST_CHARS = 16  # 64 bits


def digests(steps: np.ndarray, losses: np.ndarray) -> list[dict[str, Any]]:
    """Return the rows to journal for a block of steps: {"step": first, "digests": 16 hex signs a step}.

    A row covers steps that follow each other. 1 us a step.
    """
    rows: list[dict[str, Any]] = []
    last = None
    for step, loss in zip(steps.tolist(), losses.tolist(), strict=True):
        if last is None or step != last + 1:
            rows.append({"step": step, "digests": []})
        rows[-1]["digests"].append(digest(step, loss))
        last = step
    return [{**row, "digests": "".join(row["digests"])} for row in rows]


def digest(step: int, loss: float) -> str:
    """Return 64 bits in hex that stand for the bits of one step's loss; all NaNs are one."""
    bits = struct.pack("<qd", step, math.nan if loss != loss else loss)
    return hashlib.blake2b(bits, digest_size=DIGEST_CHARS // 2).hexdigest()


def read_digests(folder: Path, *, after: int) -> dict[int, str]:
    """Return step -> digest of the steps past `after`, as they were done last; damaged rows are left out."""
    found: dict[int, str] = {}
    newest = 0
    for row in read_journal(folder / DIGESTS_FILE):
        first, text = row.get("step"), row.get("digests")
        if isinstance(first, int) and isinstance(text, str):
            if first <= newest:  # it went back there
                found = {step: known for step, known in found.items() if step < first}
            parts = (text[at : at + DIGEST_CHARS] for at in range(0, len(text), DIGEST_CHARS))
            found.update((first + place, part) for place, part in enumerate(parts))
            newest = first + len(text) // DIGEST_CHARS - 1
    return {step: known for step, known in found.items() if step > after}


class LossJournal:
    """The digests of a run's losses, appended to logs/replay.jsonl as the pump brings them.

    Args:
        folder: the run's. on_trouble: told in words what the disk refused; the run goes on without it.
    """

    def __init__(self, folder: Path, on_trouble: Callable[[str], None]) -> None:
        self._on_trouble = on_trouble
        self._journal: Journal | None = None
        self._trying(lambda: self._open(folder / DIGESTS_FILE))

    def append(self, steps: np.ndarray, losses: np.ndarray) -> None:
        """Journal a block of steps."""
        if self._journal is not None:
            self._trying(lambda: self._journal.append(digests(steps, losses)))

    def close(self) -> None:
        """Close the file."""
        if self._journal is not None:
            self._trying(self._journal.flush)
            self._journal.close()

    def _open(self, path: Path) -> None:
        self._journal = Journal(path)

    def _trying(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except RunFolderError as error:
            self._on_trouble(f"{DIGESTS_FILE} could not be written: {error} Training goes on.")


class Replay:
    """Compare steps with the first time they were done.

    Args:
        known: step -> digest, from `read_digests`. start: the step that was resumed from.
    """

    def __init__(self, known: Mapping[int, str], start: int) -> None:
        self._known = dict(known)
        self._start, self._until = start, max(known, default=start)
        self.compared = 0
        self.differs_from: int | None = None

    def take(self, steps: Iterable[int], losses: Iterable[float]) -> None:
        """Compare steps that were done again."""
        for step, loss in zip(steps, losses, strict=True):
            known = self._known.pop(step, None)
            if known is not None:
                self.compared += 1
                if known != digest(step, loss) and self.differs_from is None:
                    self.differs_from = step

    @property
    def is_done(self) -> bool:
        """True once every step that was done before has been done again."""
        return not self._known

    def verdict(self) -> str:
        """Return what came of it: `replayed 37 steps, bit-identical`; empty when nothing was replayed."""
        if not self.compared:
            return ""
        steps = f"replayed {self.compared:,} step{'' if self.compared == 1 else 's'}"
        if self.differs_from is not None:
            return f"{steps}: differs from step {self.differs_from:,} on, not exact"
        return f"{steps}, bit-identical"
