"""The interface of a witness: what two real steps show of a rule's problem, or that they show none.

What a witness saw is certain: it makes the rule's finding certain, adds one where reading could not tell, and
takes back what was read wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem

SEEN = "seen in the probe: "


@dataclass(frozen=True)
class Fine:
    """The problem is not there. `why`: as a clause.

    `line`: only there; None takes back every finding. `name`: only of the object of that name; "" of any.
    """

    why: str
    line: int | None = None
    name: str = ""

    def answers(self, finding: Finding) -> bool:
        """Whether a finding is about what was seen to be fine."""
        return self.line in (None, finding.line) and (not self.name or finding.name in ("", self.name))


def own_name(name: str) -> str:
    """A name by which the source may call an object; "" for one that is only known by its class."""
    return "" if name[:1].isupper() else name


See = Callable[[ProbeFacts], Iterator[Problem | Fine]]


@dataclass(frozen=True)
class Witness:
    """What speaks of one rule's problem. `rule`: its id; the file bears its name."""

    rule: str
    severity: Severity
    see: See


def problem_with(witness: object, module: object) -> str | None:
    """Return what is wrong with a witness's definition, or None."""
    if not isinstance(witness, Witness):
        return "WITNESS is no Witness"
    file_name = getattr(module, "__name__", "").rpartition(".")[2]
    return None if witness.rule.replace("-", "_") == file_name else f"`{witness.rule}` is not the file's name"


def certain(said: Problem) -> Problem:
    """Return a problem as one that was seen."""
    return replace(said, confidence=Confidence.CERTAIN, evidence=SEEN + said.evidence)


def confirmed(finding: Finding, seen: Problem) -> Finding:
    """Return what was read, now certain."""
    evidence = f"{finding.evidence}; {SEEN}{seen.evidence}"
    return replace(finding, confidence=Confidence.CERTAIN, evidence=evidence)
