"""Finding: one thing said to the person, by the review, by an alert or by a diagnosis."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Severity(str, Enum):
    """How much a finding matters. `critical`: the result is wrong or the run is lost; `warning`: usually
    costs quality or time; `info`: worth knowing."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    def __str__(self) -> str:
        return self.value


class Confidence(str, Enum):
    """How a finding is known. `certain`: seen on live objects; `likely`: read in the source; `possible`:
    inferred.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Finding:
    """One thing said to the person.

    Attributes:
        rule: id of the rule or check, kebab-case, names the problem (`adam-lr-too-high`).
        severity: critical, warning or info.
        issue: the problem in one sentence, with the object's own name.
        current: what is there now, short (`lr=0.1`).
        recommended: what should be there, short (`lr=1e-3`).
        evidence: what was seen and where, with numbers.
        confidence: certain (seen live), likely (read in source), possible (inferred).
        line: 1-based line in the reviewed source, or None.
        name: the notebook's name of the object concerned, or "".
        fix: code that mends it, or "".
        step: training step at which it was seen, or None (alerts).
    """

    rule: str
    severity: Severity
    issue: str
    current: str = ""
    recommended: str = ""
    evidence: str = ""
    confidence: Confidence = Confidence.CERTAIN
    line: int | None = None
    name: str = ""
    fix: str = ""
    step: int | None = None
    details: dict[str, Any] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; enums as their strings."""
        return {**asdict(self), "severity": str(self.severity), "confidence": str(self.confidence)}
