"""The report of a review.

Two tables, what is good, the corrected cell, and four sections on what it is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.report.model import Block, Cell, Code, Items, Note, Report, Section, Table, Text

RISKS = {
    "high": (
        "Running this unchanged most likely wastes the run: "
        "{critical} would make the result wrong or lose it."
    ),
    "medium": "Running this unchanged most likely costs quality or time: {warnings}.",
    "low": "Nothing was found that would put the run at risk.",
}
CONFIDENCES = {
    "high": "High: every fact the rules need was read in the source or seen on live objects.",
    "medium": "Medium: what was read was judged; some facts could not be worked out (see Information Gaps).",
    "low": "Low: parts were not read, or there was little to judge (see Information Gaps and Caveats).",
}
RISK_OF_A_PART = (
    "Unknown for what could not be read; in the rest nothing was found that would put the run at risk."
)
RISK_OF_NO_TRAINING = "None for a training: there is none here."
HEADLINES = {
    "no training": "No training was found here, so nothing was judged.",
    "all": "Nothing to complain about.",
    "part": "Not all of this could be read; see Caveats.",
    "nothing": "Not reviewed: this is no Python that could be read; see Caveats.",
}
NOTHING_FOUND = {
    "no training": (
        "No model, optimizer, loader or training step was found. A review goes above the cell that makes or "
        "trains them; `%train_review` without a cell looks at the objects that the notebook holds.",
        "info",
    ),
    "all": ("No problem was found by any rule.", "good"),
    "part": ("No problem in what could be read; not all could, see Caveats.", "warning"),
    "nothing": ("No rule could look at anything.", "warning"),
}
LONG = 300  # lines; a longer source is shown by its changes alone
HOW_KNOWN = {
    Confidence.CERTAIN: "seen live",
    Confidence.LIKELY: "read in the source",
    Confidence.POSSIBLE: "inferred",
}


def build(
    findings: Sequence[Finding],
    data: dict[str, Any],
    *,
    title: str,
    heard: str = "all",
    language: str = "python",
) -> Report:
    """Return the report.

    Args:
        findings: in reading order.
        data: the review's JSON shape; places of findings are taken from it.
        title: heading.
        heard: how much of the source the rules could read: all, part or nothing; or that there is no
            training in it.
        language: python or yaml, of what is suggested.
    """
    places = [_place(one) for one in data["findings"]]
    pairs = list(zip(findings, places, strict=True))
    critical = [pair for pair in pairs if pair[0].severity is Severity.CRITICAL]
    others = [pair for pair in pairs if pair[0].severity is Severity.WARNING]
    notes = [pair for pair in pairs if pair[0].severity is Severity.INFO]
    sections = [Section("Critical", (_table(critical, "critical"),))] if critical else []
    sections += [Section("Warnings", (_table(others, "warning"),))] if others else []
    sections += [Section("Notes", (_table(notes, ""),))] if notes else []
    if not findings:
        sections.append(Section("Findings", (Note(*NOTHING_FOUND[heard]),)))
    if findings:
        sections.append(Section("Evidence", (Items(tuple(_evidence(one, place) for one, place in pairs)),)))
    if data["situation"]:
        told = tuple(f"{one['name']}: {one['evidence']}. {one['changes']}" for one in data["situation"])
        sections.append(Section("Situation", (Items(told),)))
    if data["good_practices"]:
        sections.append(Section("Good Practices", (Items(tuple(data["good_practices"])),)))
    if data["suggested_config"]:
        sections.append(Section("Suggested Config", _suggestion(data, language)))
    if data["outside"]:
        sections.append(Section("Outside This Review", (Items(tuple(data["outside"])),)))
    standing = PROBED_CAVEAT if "probe" in data else STANDING_CAVEAT
    sections += [
        Section("Confidence Assessment", (Text(CONFIDENCES[data["confidence"]]), *_by_evidence(findings))),
        Section("Risk Assessment", (Text(_risk(data["risk"], len(critical), len(others), heard)),)),
        Section(
            "Information Gaps",
            (_listed(data["information_gaps"], "None: every rule had the facts it needs."),),
        ),
        Section("Caveats", (_listed([*data["caveats"], standing], ""),)),
    ]
    return Report(
        title,
        tuple(sections),
        _headline(len(critical), len(others), heard),
        _tone(critical, others, heard),
        data,
    )


STANDING_CAVEAT = (
    "The review reads; it runs nothing. A line that is right on "
    "purpose is silenced by `# nbtrain: allow RULE-ID` on it."
)


PROBED_CAVEAT = (
    "The probe ran the source on copies. What a library in another language writes, what a "
    "subprocess does and "
    "what goes over the network is not held back by it. A line that is right on purpose is silenced by "
    "`# nbtrain: allow RULE-ID` on it."
)


def _place(finding: dict[str, Any]) -> str:
    if finding["line"] is None:
        return "live object"
    cell = f"cell {finding['cell']}, " if finding.get("cell") is not None else ""
    return f"{cell}line {finding['line']}"


def _table(pairs: list[tuple[Finding, str]], tone: str) -> Table:
    rows = tuple(
        (
            Cell(f"{one.issue} ({place}, {one.rule})", tone),
            Cell(one.current, code=True),
            Cell(one.recommended, code=True),
        )
        for one, place in pairs
    )
    return Table(("Issue", "Current", "Recommended"), rows)


def _evidence(finding: Finding, place: str) -> str:
    return (
        f"{finding.rule}, {place}: {finding.evidence} "
        f"({finding.confidence}: {HOW_KNOWN[finding.confidence]})."
    )


def _suggestion(data: dict[str, Any], language: str) -> tuple[Block, ...]:
    whole = Code(data["suggested_config"], language, "Yours, corrected where the exact place is known.")
    changes = Code(data["diff"], "diff", "What that changes.")
    return (whole, changes) if data["suggested_config"].count("\n") < LONG else (changes,)


def _by_evidence(findings: Sequence[Finding]) -> tuple[Block, ...]:
    counts = {level: sum(one.confidence is level for one in findings) for level in Confidence}
    parts = [f"{count} {HOW_KNOWN[level]}" for level, count in counts.items() if count]
    return (Text(f"Findings: {', '.join(parts)}.", "muted"),) if parts else ()


def _risk(risk: str, critical: int, warnings: int, heard: str) -> str:
    if risk == "low" and heard == "no training":
        return RISK_OF_NO_TRAINING
    if risk == "low" and heard != "all":
        return RISK_OF_A_PART
    return RISKS[risk].format(
        critical=_counted(critical, "critical finding"), warnings=_counted(warnings, "warning")
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _listed(items: Sequence[str], nothing: str) -> Block:
    return Items(tuple(items)) if items else Text(nothing, "muted")


def _headline(critical: int, warnings: int, heard: str) -> str:
    if not critical and not warnings:
        return HEADLINES[heard]
    parts = [_counted(critical, "critical finding")] if critical else []
    parts += [_counted(warnings, "warning")] if warnings else []
    left_out = "" if heard == "all" else " Parts were not read, see Caveats."
    return f"{' and '.join(parts)} before this is worth running.{left_out}"


def _tone(critical: Sequence[Any], others: Sequence[Any], heard: str) -> str:
    if heard == "no training" and not critical and not others:
        return "info"
    return "critical" if critical else "warning" if others or heard != "all" else "good"
