"""The report of a diagnosis: the findings, the curves with the evidence marked, what to do, what was looked
at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrain.diagnose.baseline import Baseline
from nbtrain.diagnose.engine import Diagnosed, Examination
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.marked import marked_curves
from nbtrain.diagnose.next_cell import next_cell
from nbtrain.findings import Severity
from nbtrain.report.model import (
    Block,
    Cell,
    Code,
    Details,
    Items,
    KeyValues,
    Note,
    Report,
    Section,
    Table,
    Text,
)
from nbtrain.units import counted

NOTHING_YET = "Nothing to diagnose yet: no epoch was finished."
NO_PROBLEM = "No problem found"
_TONES = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: "info"}
TITLES = {
    "nan-loss": "The loss is not finite",
    "divergence": "Divergence",
    "exploding-gradients": "Exploding gradients",
    "lr-exhausted": "Learning rate used up",
    "overfitting": "Overfitting",
    "underfitting": "Underfitting",
    "data-quality": "Doubtful data",
    "resource-inefficiency": "The GPU is idle much of the time",
    "vanishing-gradients": "Vanishing gradients",
    "dead-units": "Dead units",
    "oscillating-loss": "Oscillating loss",
    "slow-convergence": "Slow convergence",
    "convergence-stall": "Stalled",
    "overtraining": "Trained past the best epoch",
    "leakage": "Leakage",
    "chance-level": "At the level of guessing",
    "small-batch-noise": "Noise of small batches",
    "unstable-first-steps": "Unstable first steps",
    "loader-bound": "Waiting for data",
    "memory-growing": "Growing memory",
    "class-imbalance": "Unequal classes",
    "seeds-disagree": "Seeds disagree",
    "loss-spikes": "Spikes of the loss",
}


def build(
    facts: Facts,
    found: Examination,
    *,
    baseline: Baseline | None = None,
    config: Mapping[str, Any] | None = None,
    source: str = "",
    written: Path | None = None,
) -> Report:
    """Return the report.

    Args:
        baseline: the report of the run, where one was given.
        config: the change ready to use; empty where none is recommended.
        source: how the command names what was read, for the next step. written: where the change was written.
    """
    history = facts.history
    title = f"Diagnosis: {history.name}"
    data = _data(facts, found, config)
    if history.empty or (not facts.epochs and not len(facts.curves.step_loss)):
        return Report(title, (Section("", (_read(facts, baseline),)),), NOTHING_YET, "info", data)
    sections = [_summary(facts, found, baseline)]
    figure = marked_curves(facts, found.findings)
    if figure is not None:
        sections.append(Section("Curves", (figure,)))
    said = [*enumerate(found.findings, 1)]
    sections += [_section(place, one) for place, one in said if one.severity is not Severity.INFO]
    if possible := [pair for pair in said if pair[1].severity is Severity.INFO]:
        folded = tuple(_folded(place, one) for place, one in possible)
        sections.append(Section("Only possible, or only worth knowing", folded))
    code = next_cell(history, config or {}, written=str(written or ""))
    if (step := _next_step(found, source, code, written)) is not None:
        sections.append(step)
    sections.append(_scope(facts, found))
    return Report(title, tuple(sections), _headline(found), _tone(found), data)


def _data(facts: Facts, found: Examination, config: Mapping[str, Any] | None) -> dict[str, Any]:
    history = facts.history
    return {
        "primary": found.primary,
        "findings": [one.to_dict() for one in found.findings],
        "run": history.name,
        "source": history.source,
        "epochs": facts.epochs,
        "message": NOTHING_YET
        if history.empty
        else NO_PROBLEM
        if found.primary is None
        else _headline(found),
        "looked_at": list(found.looked_at),
        "not_looked_at": [{"check": check, "reason": reason} for check, reason in found.gaps],
        "notes": [*history.notes, *found.failures],
        "suggested_config": dict(config) if config else None,
    }


def _headline(found: Examination) -> str:
    first = found.first
    if first is None:
        more = len(found.findings)
        looked = f"{len(found.looked_at)} checks looked"
        possible = f"; {more} possibilit{'ies' if more > 1 else 'y'} to know of" if more else ""
        return f"{NO_PROBLEM}: {looked}{possible}."
    others = sum(one.severity is not Severity.INFO for one in found.findings) - 1
    more = f" And {others} more finding{'s' if others > 1 else ''}." if others else ""
    return f"{TITLES.get(first.check, first.check)}: {first.said.issue}{more}"


def _tone(found: Examination) -> str:
    return _TONES[found.findings[0].severity] if found.primary else "good"


def _read(facts: Facts, baseline: Baseline | None) -> KeyValues:
    history = facts.history
    rows: list[tuple[Cell | str, ...]] = [
        ("Run", Cell(history.name, code=True)),
        (
            "Read from",
            f"{history.source}: {counted(len(history.epochs), 'epoch')}"
            + (f", {counted(len(history.steps), 'step')}" if len(history.steps) else ""),
        ),
    ]
    if baseline is not None:
        rows.append(("Baseline", baseline.title or baseline.path, baseline.headline))
        rows += [(name, value) for name, value in baseline.facts]
    return KeyValues(tuple(rows))


def _summary(facts: Facts, found: Examination, baseline: Baseline | None) -> Section:
    blocks: list[Block] = [_read(facts, baseline)]
    if found.findings:
        rows = tuple(
            (
                str(place),
                Cell(one.check, code=True),
                Cell(str(one.severity), _TONES[one.severity]),
                str(one.said.confidence),
                one.said.issue,
                one.said.evidence,
            )
            for place, one in enumerate(found.findings, 1)
        )
        blocks.append(
            Table(("#", "Finding", "Severity", "Confidence", "What", "Evidence"), rows, numeric=(0,))
        )
    else:
        blocks.append(Note("No problem found in what could be looked at.", "good"))
    return Section("Summary", tuple(blocks))


def _folded(place: int, one: Diagnosed) -> Details:
    section = _section(place, one)
    return Details(f"{section.title}: {one.said.issue}", section.blocks)


def _section(place: int, one: Diagnosed) -> Section:
    said = one.said
    blocks: list[Block] = [Text(said.issue, _TONES[one.severity]), Text(_sentence(said.evidence))]
    if one.follows_from:
        causes = ", ".join(f"`{cause}`" for cause in one.follows_from)
        blocks.append(Note(f"It may be a consequence of {causes}: what helps there helps here too.", "info"))
    rows = tuple(
        (str(rank), advice.action, advice.impact, advice.effort, advice.risk, advice.expected)
        for rank, advice in enumerate(one.recommendations, 1)
    )
    blocks.append(Table(("#", "Do", "Impact", "Effort", "Risk", "Expected"), rows, numeric=(0,)))
    blocks.append(Note(said.verify, "info", title="How to check"))
    if said.others:
        blocks.append(Details("What else could explain it", (Items(said.others),)))
    blocks.append(
        Text(f"More: `%train explain {one.check}` (in a terminal, `nbtrain explain {one.check}`).", "muted")
    )
    return Section(f"{place}. {TITLES.get(one.check, one.check)}", tuple(blocks))


def _next_step(
    found: Examination, source: str, code: str, written: Path | None
) -> Section | None:
    cause = found.cause
    if cause is None or not cause.recommendations:
        return None
    begin = "" if cause.check == found.primary else f"Begin with the cause, `{cause.check}`. "
    best = cause.recommendations[0]
    blocks: list[Block] = [Text(f"{begin}{best.action} One change at a time; then compare.")]
    if code:
        blocks.append(Code(code, "python", caption="The change, as a cell"))
        if written is not None:
            blocks.append(Text(f"Written as a config: `{written}`."))
        elif source:
            blocks.append(Text(f"`%train diagnose {source} --apply` writes it as a config.", "muted"))
    return Section("Next step", tuple(blocks))


def _scope(facts: Facts, found: Examination) -> Section:
    looked = ", ".join(found.looked_at) or "nothing"
    blocks: list[Block] = [
        Text(f"Looked at: {looked}."),
        Text(
            "Accuracies are means of the last three epochs that have them; losses are smoothed by "
            "running medians of "
            "three, trends are Theil-Sen lines, noise is a median of second differences.",
            "muted",
        ),
    ]
    if found.gaps:
        rows = tuple((Cell(check, code=True), reason) for check, reason in found.gaps)
        blocks.append(Details(f"What could not be looked at ({len(rows)})", (Table(("Check", "Why"), rows),)))
    notes = (*facts.history.notes, *found.failures)
    if notes:
        blocks.append(Items(notes))
    return Section("What was looked at", tuple(blocks))


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""
