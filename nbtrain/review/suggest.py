"""The person's own source, corrected.

The rules' edits put in where the result still parses and reviews better.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from nbtrain.notebook.ipython_syntax import to_python
from nbtrain.review.edits import apply
from nbtrain.review.engine import Outcome, run
from nbtrain.review.facts import gather

# Above this many lines each attempt costs over a tenth of a second,
# so the edits are tried once, all together.
LONG_SOURCE = 3_000


def suggested_config(text: str, outcome: Outcome, namespace: Mapping[str, Any] | None) -> str:
    """Return the source with its findings mended as far as exact positions allow; "" when nothing can be.

    Comments and formatting stay. An edit that breaks the syntax or mends nothing is left out.
    """
    groups = [edits for edits in outcome.edits if edits]
    if not groups:
        return ""
    frozen = to_python(text).altered
    together = apply(text, [one for edits in groups for one in edits], frozen_lines=frozen)
    remaining = _count(together, namespace)
    if remaining is not None and remaining == len(outcome.findings) - len(groups):
        return together
    if text.count("\n") > LONG_SOURCE:
        return together if remaining is not None and remaining < len(outcome.findings) else ""
    return _one_by_one(text, outcome, namespace)


def _one_by_one(text: str, outcome: Outcome, namespace: Mapping[str, Any] | None) -> str:
    current, left = text, len(outcome.findings)
    tried: set[tuple[str, str]] = set()
    for _ in range(2 * len(outcome.findings)):
        now = run(gather(current, namespace))
        todo = [
            (one, edits)
            for one, edits in zip(now.findings, now.edits, strict=True)
            if edits and (one.rule, one.issue) not in tried
        ]
        if not todo:
            break
        finding, edits = todo[0]
        tried.add((finding.rule, finding.issue))
        candidate = apply(current, edits, frozen_lines=to_python(current).altered)
        count = _count(candidate, namespace)
        if count is not None and count < left:
            current, left = candidate, count
    return current if current != text else ""


def _count(text: str, namespace: Mapping[str, Any] | None) -> int | None:
    """How many findings a source has, or None when it does not parse."""
    try:
        ast.parse(to_python(text).text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return len(run(gather(text, namespace)).findings)
