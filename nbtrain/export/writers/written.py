"""What a writer tells of its file."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbtrain.exported.runners.runner import Facts


@dataclass(frozen=True)
class Written:
    """A file that was written.

    Attributes:
        how: by what it was made, in words. facts: what the program takes and gives.
        notes: sentences that a person should read.
    """

    how: str
    facts: Facts = field(default_factory=Facts)
    notes: tuple[str, ...] = ()
