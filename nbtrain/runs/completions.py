"""completions.json of a run folder: what a language model wrote before it was trained and after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "completions.json"


@dataclass(frozen=True)
class Completion:
    """One beginning, and how it was gone on with: before, after, and in the data."""

    prompt: str
    before: str
    after: str
    expected: str = ""


def written(completions: Sequence[Completion]) -> str:
    """Return the file's text."""
    return json.dumps([asdict(one) for one in completions], ensure_ascii=False, indent=1) + "\n"


def read_completions(folder: Path | None) -> list[Completion]:
    """Return what a run folder holds; nothing where there is no such file, or it is damaged."""
    if folder is None:
        return []
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return [Completion(**{name: str(value) for name, value in row.items()}) for row in rows]
    except (OSError, ValueError, TypeError, AttributeError):
        return []
