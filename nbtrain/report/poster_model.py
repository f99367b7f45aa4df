"""What the picture of a run says, apart from how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrain.report.model import Figure


@dataclass(frozen=True)
class Poster:
    """What the picture of a run says.

    Attributes:
        title: the run's name.
        status: one word, shown as a chip.
        tone: tone of the chip: good, info, warning, critical or muted.
        facts: key numbers as (label, value), in order of importance; at most 14 are drawn.
        findings: (tone, text), the most important first.
        figure: the curves; its first plot is drawn large. At most five are drawn.
    """

    title: str
    status: str
    tone: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[tuple[str, str], ...]
    figure: Figure
