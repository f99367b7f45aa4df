"""Review a source or live objects, and hold what came of it. Executes nothing of what it reads."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.report.model import Report
from nbtrain.review import document, probe_report
from nbtrain.review.engine import Outcome, run
from nbtrain.review.facts import ReviewFacts, gather
from nbtrain.review.handoffs import handoffs, nothing_trains, trainer_of
from nbtrain.review.notebook_file import Cells
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.suggest import Correction, correction

JSON_KEYS = (
    "rule",
    "severity",
    "line",
    "current",
    "recommended",
    "evidence",
    "confidence",
    "issue",
    "name",
    "fix",
)


CLIPPING = "are limited"  # in the practice that tells of clipping


@dataclass(frozen=True)
class Review:
    """What a review found.

    Attributes:
        findings: critical ones first, then by line.
        good_practices: what is done well, each from something seen.
        information_gaps: what could not be checked, and why.
        caveats: what was not read, and rules that failed.
        silenced: (rule id, line) of each finding that a comment in the source allows.
        broken: parts are no Python: running it as it is fails, and those parts were not reviewed.
        trains: the source takes training steps, or has them taken.
        confidence: how far the review can be trusted: high, medium or low.
        risk: what running this unchanged risks: high, medium or low.
        suggested_config: the source, corrected where exact positions allow it; "" when there is nothing to
            correct.
        source: the text that was reviewed, or None.
        correction: the source before and after it is corrected, and what is left to find then; None without
            a source. Of a notebook file the code cells, each below a line `# %% cell N`.
        report: the document.
    """

    findings: tuple[Finding, ...]
    good_practices: tuple[str, ...]
    information_gaps: tuple[str, ...]
    caveats: tuple[str, ...]
    confidence: str
    risk: str
    suggested_config: str
    source: str | None
    report: Report
    correction: Correction | None = None
    silenced: tuple[tuple[str, int | None], ...] = ()
    broken: bool = False
    trains: bool = False

    @property
    def critical(self) -> tuple[Finding, ...]:
        """The findings that make the result wrong or lose the run."""
        return tuple(one for one in self.findings if one.severity is Severity.CRITICAL)

    def to_dict(self) -> dict[str, Any]:
        """Return the review as JSON-ready values; findings of a notebook file also have `cell`."""
        return self.report.data

    def to_markdown(self) -> str:
        """Return the report as Markdown."""
        return self.report.to_markdown()

    def __str__(self) -> str:
        return self.report.to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report._repr_mimebundle_(include, exclude)


def review_source(
    source: str | None,
    *,
    namespace: Mapping[str, Any] | None = None,
    filename: str | None = None,
    probe: bool = False,
    sanity: bool = False,
) -> Review:
    """Review training code before it runs.

    Args:
        source: a cell (IPython syntax allowed) or a module; None reviews only the live objects of
            `namespace`.
        namespace: the notebook's variables. What the source names and does not make is read from the objects.
        filename: shown in the report's title.
        probe: also run the source for two optimizer steps on copies, and put everything back.
        sanity: with a probe, also try on copies whether one batch can be learned and whether labels matter.
    """
    return review_text(source, namespace, filename, None, probe=probe, sanity=sanity)


def _good(practices: tuple[str, ...], outcome: Outcome) -> tuple[str, ...]:
    """Leave out the praise for what a finding says is done in the wrong place."""
    found = {finding.rule for finding in outcome.findings}
    in_vain = found & {"clip-misplaced", "clip-before-unscale"}
    return tuple(one for one in practices if not (in_vain and CLIPPING in one))


def review_text(
    source: str | None,
    namespace: Mapping[str, Any] | None,
    filename: str | None,
    cells: Cells | None,
    *,
    probe: bool = False,
    sanity: bool = False,
) -> Review:
    """Review a source, or the objects of a namespace; `cells` is where a source has its lines from."""
    if probe and source is not None:
        return _review(source, namespace, filename, cells, True, sanity)
    with _no_collections():
        return _review(source, namespace, filename, cells)


def _review(
    source: str | None,
    namespace: Mapping[str, Any] | None,
    filename: str | None,
    cells: Cells | None,
    probe: bool = False,
    sanity: bool = False,
) -> Review:
    """All facts are gone again when it returns: a collection after it has little to walk."""
    facts = gather(source, namespace)
    outcome = read = run(facts)
    if probe and source is not None:
        facts = replace(facts, probe=_probed(source, namespace, sanity))
        outcome = run(facts)
    mended = _mended(source, read, namespace, cells) if source is not None else None
    found = Found(facts, outcome, source, mended, _general_gaps(facts), cells)
    return assembled(found, filename=filename, title=_title(filename, source))


@dataclass(frozen=True)
class Found:
    """All that a review is made of.

    `gaps`: those that no rule asks. `cells`: where a source has its lines from; `broken`: it cannot be run.
    """

    facts: ReviewFacts
    outcome: Outcome
    source: str | None
    mended: Correction | None
    gaps: list[str]
    cells: Cells | None = None
    unread: tuple[str, ...] = ()
    broken: bool = False
    practices: tuple[str, ...] = ()


def assembled(found: Found, *, filename: str | None, title: str) -> Review:
    """Put a review together."""
    facts, outcome, cells, mended = found.facts, found.outcome, found.cells, found.mended
    gaps = [*found.gaps, *outcome.gaps]
    unread = [
        *(facts.source.unread if facts.source else ()),
        *(cells.caveats if cells else ()),
        *found.unread,
    ]
    caveats = [*unread, *outcome.caveats, *_silenced(outcome, cells)]
    config = mended.after if mended is not None else ""
    practices = _good(facts.source.practices if facts.source else found.practices, outcome)
    confidence, risk = _confidence(facts, gaps, [*unread, *outcome.caveats]), _risk(outcome)
    broken = found.broken or bool(facts.source and facts.source.broken) or bool(cells and cells.broken)
    data = {
        "findings": [_placed(one, cells) for one in outcome.findings],
        "good_practices": list(practices),
        "confidence": confidence,
        "risk": risk,
        "information_gaps": gaps,
        "caveats": caveats,
        "suggested_config": config,
        "diff": mended.difference(filename or "cell", "corrected") if mended is not None else "",
        "situation": [asdict(one) for one in facts.situations],
        "outside": handoffs(facts),
        "silenced": [{"rule": rule, "line": line} for rule, line in outcome.silenced],
    }
    if facts.probe is not None:
        data["probe"] = probe_report.to_dict(facts.probe)
    nothing = (
        broken
        and not facts.configured
        and not (facts.source and facts.source.tree and facts.source.tree.body)
    )
    heard = "nothing" if nothing else "part" if unread or outcome.caveats else "all"
    heard = "no training" if heard == "all" and nothing_trains(facts) else heard
    language = "yaml" if facts.configured else "python"
    report = document.build(outcome.findings, data, title=title, heard=heard, language=language)
    if facts.probe is not None:
        report = probe_report.added(report, facts.probe)
    return Review(
        outcome.findings,
        tuple(practices),
        tuple(gaps),
        tuple(caveats),
        confidence,
        risk,
        config,
        found.source,
        report,
        mended,
        outcome.silenced,
        broken,
        bool(facts.trainings) or trainer_of(facts) is not None,
    )


def _mended(
    source: str, read: Outcome, namespace: Mapping[str, Any] | None, cells: Cells | None
) -> Correction:
    """The correction of a source; of a notebook with its magics and the limits of its cells."""
    if cells is None or not cells.starts:
        return correction(source, read, namespace)
    if not any(read.edits):
        return Correction(cells.marked, "", read.findings)
    return correction(cells.marked, run(gather(cells.marked, namespace)), namespace)


def _probed(source: str, namespace: Mapping[str, Any] | None, sanity: bool) -> ProbeFacts:
    from nbtrain.review.probe.probe import probe  # it needs torch, a review does not

    return probe(source, namespace, sanity=sanity)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Read without the cyclic collector: all that is made lives to the end, and walking it over and over took
    a third of the time of a long file."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _silenced(outcome: Outcome, cells: Cells | None) -> list[str]:
    """A sentence on what comments in the source allow."""
    if not outcome.silenced:
        return []
    shown = []
    for rule, line in outcome.silenced:
        cell, within = cells.place(line) if cells is not None and cells.starts else (None, line)
        place = f"line {within}" if cell is None else f"cell {cell}, line {within}"
        shown.append(f"{rule} ({place})" if line else rule)
    number = len(shown)
    return [f"{number} finding{'s' if number > 1 else ''} silenced by comments: {', '.join(shown)}."]


def _placed(finding: Finding, cells: Cells | None) -> dict[str, Any]:
    values = finding.to_dict()
    shown = {key: values[key] for key in JSON_KEYS}
    if cells is not None and cells.starts:
        shown["cell"], shown["line"] = cells.place(finding.line)
    return shown


def _title(filename: str | None, source: str | None) -> str:
    return (
        f"Review of {filename}"
        if filename
        else "Review of this cell"
        if source is not None
        else "Review of the notebook's objects"
    )


def _general_gaps(facts: ReviewFacts) -> list[str]:
    if facts.source is None:
        if not (facts.optimizers or facts.loaders or facts.live.models):
            return ["The notebook holds no model, optimizer or loader to review."]
        return [
            "No training loop was given: accumulation, clipping, precision and schedule steps cannot be seen."
        ]
    if facts.source.broken and not (facts.source.tree and facts.source.tree.body):
        return ["No rule was checked: nothing could be read."]
    if facts.trainings:
        return []
    if (other := trainer_of(facts)) is not None:
        return [
            f"{other[0]} takes the training steps (line {other[1]}); what it does in a step was not checked."
        ]
    if facts.optimizers or facts.loaders or facts.source.tree is None or facts.source.tree.body:
        return ["The source has no training step: what a loop would have to do was not checked."]
    return []


def _confidence(facts: ReviewFacts, gaps: list[str], caveats: list[str]) -> str:
    """High when all was read or seen live, medium with open questions, low when parts were not read or
    nothing trains."""
    if caveats or (facts.source is not None and not facts.trainings and not facts.optimizers):
        return "low"
    return "medium" if gaps else "high"


def _risk(outcome: Outcome) -> str:
    if any(one.severity is Severity.CRITICAL for one in outcome.findings):
        return "high"
    judged = any(one.severity is Severity.WARNING for one in outcome.findings)
    return "medium" if judged else "low"
