"""The person's own source, corrected.

The rules' edits put in where the result still parses and reviews better.
"""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.notebook.ipython_syntax import to_python
from nbtrain.review.edits import Edit, apply
from nbtrain.review.engine import Outcome, run
from nbtrain.review.facts import gather

# Above this many lines each attempt costs over a tenth of a second,
# so the edits are tried once, all together.
LONG_SOURCE = 3_000
REVIEW_MAGIC = "%%train_review"


@dataclass(frozen=True)
class Correction:
    """A source and what it becomes.

    `after`: "" when nothing can be mended. `left`: what a review of it still finds.
    """

    before: str
    after: str
    left: tuple[Finding, ...]

    def difference(self, before: str = "before", after: str = "after") -> str:
        """Return a unified diff, "" when nothing changes. The names stand at its head."""
        if not self.after:
            return ""
        lines = self.before.split("\n"), self.after.split("\n")
        return "\n".join(difflib.unified_diff(*lines, before, after, lineterm="", n=2))


def correction(text: str, outcome: Outcome, namespace: Mapping[str, Any] | None) -> Correction:
    """Return the source with its findings mended as far as exact positions allow.

    Comments and formatting stay; a first line `%%train_review` goes, for what is suggested is to be run. An
    edit that breaks the syntax or mends nothing is left out.
    """
    after, left = _corrected(text, outcome, namespace)
    return Correction(without_magic(text), without_magic(after), left.findings)


def without_magic(text: str) -> str:
    """Return a cell without the line that had it reviewed."""
    first, _, rest = text.partition("\n")
    return rest if first.split(" ")[0] == REVIEW_MAGIC else text


def _corrected(text: str, outcome: Outcome, namespace: Mapping[str, Any] | None) -> tuple[str, Outcome]:
    """The source mended, "" when nothing can be, and what is left to find in it."""
    groups = [edits for edits in outcome.edits if edits]
    if not groups:
        return "", outcome
    frozen = to_python(text).altered
    together = apply(text, [one for edits in groups for one in edits], frozen_lines=frozen)
    remaining = _reviewed(together, namespace)
    if remaining is not None and len(remaining.findings) == len(outcome.findings) - len(groups):
        return together, remaining
    if text.count("\n") > LONG_SOURCE:
        better = remaining is not None and _weight(remaining) < _weight(outcome)
        return (together, remaining) if better and remaining is not None else ("", outcome)
    return _one_by_one(text, outcome, namespace)


def _one_by_one(text: str, outcome: Outcome, namespace: Mapping[str, Any] | None) -> tuple[str, Outcome]:
    current, now = text, outcome
    tried: set[tuple[str, str]] = set()
    for _ in range(2 * len(outcome.findings)):
        todo = [
            (one, edits)
            for one, edits in zip(now.findings, now.edits, strict=True)
            if edits and (one.rule, one.issue) not in tried
        ]
        if not todo:
            break
        finding, edits = todo[0]
        tried.add((finding.rule, finding.issue))
        found = _with_consequences(current, now, edits, namespace)
        if found is not None:
            current, now = found
    return (current, now) if current != text else ("", outcome)


def _with_consequences(
    text: str, before: Outcome, edits: tuple[Edit, ...], namespace: Mapping[str, Any] | None
) -> tuple[str, Outcome] | None:
    """Put edits in, and those that what they bring about asks for; None where that makes nothing better.

    `model.eval()` before an evaluation asks for `model.train()` before the next epoch.
    """
    had = Counter(one.rule for one in before.findings)
    for _ in range(3):
        text = apply(text, edits, frozen_lines=to_python(text).altered)
        after = _reviewed(text, namespace)
        if after is None:
            return None
        if _weight(after) < _weight(before):
            return text, after
        now = Counter(one.rule for one in after.findings)
        more = [
            e
            for one, e in zip(after.findings, after.edits, strict=True)
            if e and now[one.rule] > had[one.rule]
        ]
        if not more:
            return None
        edits = more[0]
    return None


def _weight(outcome: Outcome) -> tuple[int, int, int]:
    """How much is wrong: critical findings first. Less of it is better, whatever else comes up."""
    counts = Counter(one.severity for one in outcome.findings)
    return counts[Severity.CRITICAL], counts[Severity.WARNING], counts[Severity.INFO]


def _reviewed(text: str, namespace: Mapping[str, Any] | None) -> Outcome | None:
    """What the rules say of a source, or None when it does not parse."""
    try:
        ast.parse(to_python(text).text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return run(gather(text, namespace))
