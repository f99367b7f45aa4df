"""The optimization report: what was changed, what it brought, how it trains, and what to do now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nbtrain.compare.decision import COLLECT, PRODUCTION, TITLES, Decision, Health, decide
from nbtrain.compare.document import (
    changed_blocks,
    condition_blocks,
    headline,
    metric_blocks,
    pair_data,
    resource_blocks,
    verdict_blocks,
)
from nbtrain.compare.pair import Pair
from nbtrain.compare.pictures import learning_curves
from nbtrain.compare.profile import Profile, Spread, profile_of
from nbtrain.compare.reproducibility import Stated, conditions
from nbtrain.compare.wording import percent_text
from nbtrain.report.model import Axes, Block, Cell, Figure, Items, Note, Report, Section, Series, Table, Text
from nbtrain.units import number, seconds

_TONES = {PRODUCTION: "good", COLLECT: "warning"}
_NEEDED = ("seeds", "git commit", "data hash", "torch")  # without which nobody can train it again
_SEVERITY = {"critical": "critical", "warning": "warning", "info": "info"}


@dataclass(frozen=True)
class Findings:
    """Everything the report is made of."""

    pair: Pair
    before: Health
    after: Health

    @cached_property
    def decision(self) -> Decision:
        return decide(self.pair, self.before, self.after)


class OptimizationReport:
    """What an optimization came to. Its rich display is the report.

    Args:
        pair: the two sides, compared. before, after: what their diagnoses found.
    """

    def __init__(self, pair: Pair, before: Health, after: Health) -> None:
        self._found = Findings(pair, before, after)

    @property
    def decision(self) -> str:
        """production, iterate or collect-data."""
        return self._found.decision.word

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in sentences."""
        return self._found.decision.reasons

    @property
    def verdict(self) -> str:
        """The comparison's."""
        return self._found.pair.verdict.word

    @cached_property
    def report(self) -> Report:
        return build(self._found)

    def to_dict(self) -> dict[str, Any]:
        """Return `{"decision", "reasons", "comparison", "diagnosis", "profiles", ...}`, JSON-ready."""
        return self.report.to_dict()

    def to_markdown(self) -> str:
        """Return the report as Markdown; figures as their descriptions."""
        return self.report.to_markdown()

    def to_text(self, width: int = 100) -> str:
        """Return plain text for a terminal."""
        return self.report.to_text(width)

    def to_html(self) -> str:
        """Return the report as an HTML fragment with its figures inside."""
        return self.report.to_html()

    def save(self, path: str | Path) -> Path:
        """Write the report as Markdown, its figures beside it; return the path.

        Raises:
            RunFolderError: the disk refused.
        """
        from nbtrain.compare.written import write_report

        return write_report(self.report, path)

    def save_html(self, path: str | Path) -> Path:
        """Write the report as one HTML file that needs no other; return the path.

        Raises:
            RunFolderError: the disk refused.
        """
        from nbtrain.compare.written import write_page

        return write_page(self.report, path)

    def __str__(self) -> str:
        return self.report.to_text()

    def __repr__(self) -> str:
        return f"<optimization report: {self.decision}, {self.verdict}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report._repr_mimebundle_(include, exclude)


def build(found: Findings) -> Report:
    """Return the report."""
    pair, decision = found.pair, found.decision
    a, b = pair.baseline.side, pair.optimized.side
    profiles = (profile_of(a), profile_of(b))
    stated = conditions(a, b)
    curves, times = learning_curves(pair), _times_figure(pair)
    sections = [
        Section("Decision", _decision_blocks(decision)),
        Section("Verdict of the comparison", verdict_blocks(pair)),
        Section("Configuration changes", changed_blocks(pair)),
        Section("Metrics", metric_blocks(pair)),
        *([Section("Learning curves", (curves,))] if curves is not None else []),
        Section("Training profile", (*_profile_blocks(pair, *profiles), *((times,) if times else ()))),
        *([Section("Time, cost and memory", blocks)] if (blocks := resource_blocks(pair)) else []),
        Section("Diagnosis before and after", _health_blocks(found)),
        Section("Reproducibility", _reproducibility_blocks(pair, stated)),
    ]
    data = {
        "decision": decision.word,
        "reasons": list(decision.reasons),
        "conditions": list(decision.conditions),
        "verdict": pair.verdict.word,
        "comparison": pair_data(pair),
        "config_differences": [one.to_dict() for one in pair.changed],
        "profiles": {"baseline": profiles[0].to_dict(), "optimized": profiles[1].to_dict()},
        "diagnosis": {"before": _health_data(found.before), "after": _health_data(found.after)},
        "reproducibility": [one.to_dict() for one in stated],
    }
    said = f"{TITLES[decision.word]}. {headline(pair)}"
    return Report(
        f"Optimization results: {a.name} and {b.name}", tuple(sections), said,
        _TONES.get(decision.word, "info"), data,
    )  # fmt: skip


def _decision_blocks(decision: Decision) -> tuple[Block, ...]:
    tone = _TONES.get(decision.word, "info")
    blocks: list[Block] = [Note(decision.reasons[0], tone, title=TITLES[decision.word])]
    if decision.reasons[1:]:
        blocks.append(Items(decision.reasons[1:]))
    if decision.conditions:
        blocks += [Text("Before that:"), Items(decision.conditions, ordered=True)]
    return tuple(blocks)


def _profile_blocks(pair: Pair, a: Profile, b: Profile) -> tuple[Block, ...]:
    rows = []
    for name, key, kind in (
        ("Time per epoch", "epoch_s", "seconds"),
        ("Throughput (samples/s)", "samples_per_s", "number"),
        ("GPU utilisation (%)", "gpu_util", "number"),
        ("Share of time waiting for data", "data_wait", "share"),
    ):
        one, two = getattr(a, key), getattr(b, key)
        if one is not None or two is not None:
            rows.append((name, _spread_text(one, kind), _spread_text(two, kind), _change(one, two)))
    if a.first_epoch_s is not None or b.first_epoch_s is not None:
        rows.append(("First epoch", seconds(a.first_epoch_s), seconds(b.first_epoch_s), ""))
    if not rows:
        return (Text("Neither side tells its time per epoch, throughput or GPU utilisation.", "muted"),)
    columns = ("What", pair.baseline.side.name, pair.optimized.side.name, "Change")
    caption = "Mean ± standard deviation over the epochs (lowest to highest); the first epoch apart."
    return (Table(columns, tuple(rows), caption=caption, numeric=(1, 2, 3)),)


def _spread_text(one: Spread | None, kind: str) -> str:
    if one is None:
        return "–"
    scale = 100 if kind == "share" else 1

    def told(value: float) -> str:
        return (
            seconds(value) if kind == "seconds" else f"{_short(scale * value)}{' %' if scale == 100 else ''}"
        )

    spread = f" ± {told(one.std)}" if one.std is not None else ""
    return f"{told(one.mean)}{spread} ({told(one.low)} to {told(one.high)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else number(value, 3)


def _change(one: Spread | None, two: Spread | None) -> str:
    if one is None or two is None or not one.mean:
        return "–"
    return percent_text(100 * (two.mean - one.mean) / abs(one.mean))


def _times_figure(pair: Pair) -> Figure | None:
    axes = []
    for title, name in (("Time per epoch (s)", "epoch_time_s"), ("Throughput (samples/s)", "samples_per_s"),
                        ("GPU utilisation (%)", "gpu_util")):  # fmt: skip
        series = []
        for one, role in ((pair.baseline, "train"), (pair.optimized, "valid")):
            trial = next((trial for trial in one.side if trial.has(name)), None)
            if trial is not None:
                x, y = tuple(trial.epochs.tolist()), tuple(trial.column(name).tolist())
                series.append(Series(one.side.name, x, y, role=role))
        if series:
            axes.append(Axes(title, tuple(series), x_label="epoch"))
    if not axes:
        return None
    told = "; ".join(f"{one.title} of {', '.join(series.name for series in one.series)}" for one in axes)
    alt = f"Training profile by epoch: {told}. The table above has the numbers."
    several = max(len(pair.baseline.side), len(pair.optimized.side)) > 1
    caption = "Of several runs the first that tells it." if several else ""
    return Figure(tuple(axes), alt=alt, caption=caption, name="profile")


def _health_blocks(found: Findings) -> tuple[Block, ...]:
    names = (found.pair.baseline.side.name, found.pair.optimized.side.name)
    rows = []
    for name, health in zip(names, (found.before, found.after), strict=True):
        if not health.looked:
            rows.append((name, Cell("nothing to diagnose", "muted"), "–", ""))
            continue
        if not health.findings:
            rows.append((name, Cell("no problem found", "good"), "–", ""))
        for check, severity, issue in health.findings:
            of = (
                f" ({health.same} of {health.runs} runs)"
                if check == health.primary and health.runs > 1
                else ""
            )
            rows.append((name, f"{check}{of}", Cell(severity, _SEVERITY.get(severity, "")), issue))
    blocks: list[Block] = [Table(("Side", "Finding", "Severity", "What"), tuple(rows))]
    before, after = set(found.before.ids), set(found.after.ids)
    changes = (("No longer found", before - after), ("Found still", before & after), ("New", after - before))
    told = [f"{what}: {', '.join(sorted(ids))}." for what, ids in changes if ids]
    if told:
        blocks.append(Items(tuple(told)))
    return tuple(blocks)


def _health_data(health: Health) -> dict[str, Any]:
    findings = [
        {"check": check, "severity": severity, "issue": issue} for check, severity, issue in health.findings
    ]
    return {"primary": health.primary, "findings": findings, "runs": health.runs}


def _reproducibility_blocks(pair: Pair, stated: tuple[Stated, ...]) -> tuple[Block, ...]:
    words = {True: Cell("yes", "good"), False: Cell("no", "warning"), None: Cell("")}
    rows = tuple(
        (one.name, one.baseline or "–", one.optimized or "–", words[one.same])
        for one in stated
        if one.baseline or one.optimized
    )
    table: tuple[Block, ...] = ()
    if rows:
        table = (Table(("What", pair.baseline.side.name, pair.optimized.side.name, "Same"), rows),)
    missing = [one.name for one in stated if one.name in _NEEDED and not (one.baseline and one.optimized)]
    note: tuple[Block, ...] = ()
    if missing:
        note = (
            Note(
                f"To train them again this is missing on one side at least: {', '.join(missing)}.", "warning"
            ),
        )
    return (*table, *note, *condition_blocks(pair))
