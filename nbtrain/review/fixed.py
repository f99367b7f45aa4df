"""What `--fix` shows and writes: the changes, what they mend, what is left, and the corrected file."""

from __future__ import annotations

import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nbtrain.errors import UsageError
from nbtrain.findings import Finding
from nbtrain.report.model import Block, Code, Items, Note, Report, Section
from nbtrain.review.notebook_file import corrected
from nbtrain.review.review import Review
from nbtrain.review.suggest import Correction

# Half of a character that UTF-8 cannot hold; in JSON it stands as an escape, as it did in the original.
SURROGATES = re.compile("[\ud800-\udfff]")


def report(review: Review, *, title: str = "") -> Report:
    """Return the report of a correction: the diff, what it mends, and what is left with its fix as code.

    Args:
        review: of a source. title: default that of the review.
    """
    done = review.correction or Correction("", "", review.findings)
    mended = tuple(_without(review.findings, done.left))
    said = (
        f"{len(mended)} of {len(review.findings)} findings mended" if review.findings else "Nothing to mend"
    )
    changes = review.report.data["diff"]
    blocks: tuple[Block, ...] = (Code(changes, "diff"),) if changes else (Note(_why_nothing(review), "info"),)
    sections = [Section("Changes", blocks)]
    if mended:
        sections.append(Section("Mended", (Items(tuple(_said(one) for one in mended)),)))
    if done.left:
        left = tuple(f"{one.rule}: {one.issue}; {one.recommended}" for one in done.left)
        sections.append(Section("Left to you", (Items(left),)))
    data = {
        **review.report.data,
        "mended": [one.rule for one in mended],
        "left": [one.rule for one in done.left],
    }
    tone = "warning" if done.left else "good"
    return Report(title or f"Correction: {review.report.title}", tuple(sections), said, tone, data)


def _said(finding: Finding) -> str:
    line = f" (line {finding.line})" if finding.line else ""
    return f"{finding.rule}{line}: {finding.issue}; {finding.evidence}"


def _why_nothing(review: Review) -> str:
    if not review.findings:
        return "The review found nothing to mend."
    return "For none of the findings is the exact place of the fix known; each says what to write."


def _without(findings: Sequence[Finding], left: Sequence[Finding]) -> list[Finding]:
    """The findings that a correction took away: by rule, for lines have moved."""
    still = Counter(one.rule for one in left)
    gone = []
    for one in findings:
        if still[one.rule]:
            still[one.rule] -= 1
        else:
            gone.append(one)
    return gone


def content(path: Path, review: Review) -> bytes:
    """Return what the corrected file holds, in the encoding and with the line ends of the original.

    Raises:
        UsageError: the file holds bytes that its encoding does not know; they would be lost.
    """
    raw = path.read_bytes()
    done = review.correction
    after = done.after if done is not None else ""
    if not after:
        return raw
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except (UnicodeDecodeError, SyntaxError, LookupError):
        raise UsageError(
            f"`{path}` holds bytes that its encoding does not know; a corrected copy would lose them.",
            suggestion="Save it as UTF-8 first.",
        ) from None
    if path.suffix == ".ipynb":
        indent = 1 if "\n" in text.strip() else None
        after = json.dumps(corrected(json.loads(text), after), ensure_ascii=False, indent=indent)
        after += "\n" if text.endswith("\n") else ""
        after = SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", after)
    return after.replace("\n", "\r\n" if "\r\n" in text else "\n").encode(encoding)
