"""How a run ended, said twice: as a report ("Training Complete") and as the picture that stays in the
notebook.

It reads the surface that live and stored runs share, and nothing else of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from nbtrain.diagnose.best import find_best, place
from nbtrain.diagnose.knowledge import where_explained
from nbtrain.diagnose.language import language_rows, language_sections
from nbtrain.diagnose.outcome import Outcome
from nbtrain.diagnose.pictures import curves_figure, numbers
from nbtrain.diagnose.resumed import after_failure, resumed_notes, way_on
from nbtrain.diagnose.second_look import named_first, second_note
from nbtrain.diagnose.still import still
from nbtrain.diagnose.verdict import verdict_on
from nbtrain.findings import Finding, Severity
from nbtrain.report.model import (
    Block,
    Cell,
    Code,
    Details,
    Figure,
    Items,
    KeyValues,
    Note,
    Report,
    Section,
    Table,
    Text,
)
from nbtrain.report.poster_model import Poster
from nbtrain.report.theme import TONE_OF_STATUS
from nbtrain.runs.events import changes, event_label
from nbtrain.units import count, number, percent, seconds

_TITLES = {
    "completed": "Training Complete", "stopped": "Training Stopped", "diverged": "Training Diverged",
    "failed": "Training Failed", "interrupted": "Training Interrupted", "running": "Training Under Way",
    "paused": "Training Paused", "planned": "Training Planned",
}  # fmt: skip
_NO_BEST = "none at the best step; `checkpoints` has what was kept"
_EVENTS = 20  # rows of the table of changes; the manifest has all
_ALERTS = 12  # rows of the table of alerts; the rest is counted


class AnyRun(Protocol):
    """What is read of a run, live or stored."""

    id: str
    name: str
    dir: Path | None
    status: Any
    progress: Any
    latest: dict[str, float]
    history: pd.DataFrame
    epochs: pd.DataFrame
    alerts: list[Finding]
    error: str | None
    stop_reason: str
    manifest: Any


@dataclass(frozen=True)
class Summary:
    """The numbers of a run's end; None where unknown. Times in seconds, accuracies 0..1."""

    status: str
    total_steps: int
    planned_steps: int | None
    epochs: int
    planned_epochs: int | None
    final_train_loss: float | None
    best_val_loss: float | None
    best_val_step: int | None
    best_val_acc: float | None
    time_s: float
    samples_per_s: float | None
    checkpoints: str | None
    best_checkpoint: str | None
    logs: str | None


def summarize(run: AnyRun) -> Summary:
    """Collect the numbers that stand at the end of a run."""
    run = still(run)
    epochs, progress = run.epochs, run.progress
    best = find_best(run)
    best_loss, best_step = (best.loss, best.step) if best else (None, None)
    folder = run.dir
    best_folder = None
    if folder is not None and best_step is not None:
        candidate = folder / "checkpoints" / f"step-{best_step:08d}"
        best_folder = str(candidate) if candidate.is_dir() else None
    accuracy = numbers(epochs if (judged := _evaluations(run)) is None else judged, "val_acc")
    accuracy = accuracy[np.isfinite(accuracy)]
    accuracy = accuracy / 100 if len(accuracy) and accuracy.max() > 1.5 else accuracy
    kept = folder / "checkpoints" if folder is not None else None
    return Summary(
        status=str(run.status),
        total_steps=progress.step,
        planned_steps=progress.total_steps,
        epochs=max(len(epochs), 0),
        planned_epochs=progress.total_epochs,
        final_train_loss=_final_train_loss(run),
        best_val_loss=best_loss,
        best_val_step=best_step,
        best_val_acc=float(accuracy.max()) if len(accuracy) else None,
        time_s=progress.elapsed_s,
        samples_per_s=_throughput(run),
        checkpoints=str(kept) if kept is not None and any(kept.glob("step-*")) else None,
        best_checkpoint=best_folder,
        logs=str(folder / "logs") if folder is not None else None,
    )


def completion_report(run: AnyRun, *, curves: bool = True) -> Report:
    """Return the report of a run's end: numbers, where its files are, curves, verdict and what to do next.

    A failed run shows the traceback of the person's code; a run that is still going is reported as it stands.

    Args:
        curves: with the figure; without it where the run's picture stands beside the report.
    """
    first = named_first(run) if run.status.over else None
    run = still(run)
    summary = summarize(run)
    verdict = verdict_on(run)
    headline, tone = _headline(run, verdict)
    result = _numbers_table(summary, language_rows(run))
    sections = [Section("Result", (result, *resumed_notes(run))), *_failure(run), *language_sections(run)]
    if curves and summary.total_steps:
        figure = _figure(run, summary)
        sections.append(Section("Curves", (figure,)))
    failed = summary.status == "failed"
    beside = None if failed else second_note(first, verdict, run.id)
    if assessment := [*_assessment(run, verdict), *([beside] if beside else [])]:
        sections.append(Section("Assessment", tuple(assessment)))
    said = after_failure(run) if failed else verdict.recommendations
    if advice := said if failed else tuple(filter(None, (way_on(run), *said))):
        sections.append(Section("Recommendations", (Items(advice),)))
    if events := _events(run):
        sections.append(Section("Changed while it ran", (_changes(events),)))
    sections.append(Section("Files", (_files(run, summary),)))
    data = {
        **vars(summary), "run_id": run.id, "name": run.name, "outcome": verdict.kind,
        "primary": first.check if first is not None else None,
        "findings": [finding.to_dict() for finding in verdict.findings],
        "alerts": [finding.to_dict() for finding in run.alerts],
        "recommendations": list(said), "error": run.error, "events": _events(run),
        "explanation": known.to_dict() if (known := getattr(run, "explanation", None)) is not None else None,
    }  # fmt: skip
    title = f"{_TITLES.get(summary.status, 'Training')}: {run.name}"
    return Report(title, tuple(sections), headline, tone, data)


def run_poster(run: AnyRun) -> Poster:
    """Return the picture of a run, finished or not: key numbers, verdict, curves."""
    run = still(run)
    summary = summarize(run)
    verdict = verdict_on(run)
    headline, tone = _headline(run, verdict)
    lines = [(tone or "info", headline)] if headline else []
    lines += [(_tone(finding), finding.issue) for finding in verdict.findings if finding.issue not in headline
              and not _same(finding, headline)]  # fmt: skip
    said = {finding.rule for finding in verdict.findings}
    lines += _alert_lines([alert for alert in run.alerts if alert.rule not in said])
    if told := where_explained(a.rule for a in run.alerts if a.severity is not Severity.INFO):
        lines.append(("muted", told))
    figure = _figure(run, summary, limit=4)
    return Poster(
        title=run.name,
        status=summary.status,
        tone=TONE_OF_STATUS.get(summary.status, "muted"),
        facts=_facts(summary),
        findings=tuple(lines),
        figure=figure,
    )


def _figure(run: AnyRun, summary: Summary, *, limit: int = 6) -> Figure:
    best, judged = summary.best_val_step, _evaluations(run)
    return curves_figure(
        run.epochs, run.history, best_step=best, limit=limit, evaluations=judged, events=_events(run)
    )


def _evaluations(run: AnyRun) -> pd.DataFrame | None:
    """Return the validations by step; None where there are none, or the run does not tell."""
    judged = getattr(run, "evaluations", None)
    return judged if judged is not None and len(judged) else None


def _events(run: AnyRun) -> list[dict[str, Any]]:
    return changes(run.manifest.events) if run.manifest is not None else []


def _changes(events: list[dict[str, Any]]) -> Table:
    """What was changed by hand, or by nbtrain itself, in the order in which it happened."""
    rows = tuple(
        (count(event.get("step")), event_label(event), str(event.get("at", ""))) for event in events[:_EVENTS]
    )
    left_out = f"and {count(len(events) - _EVENTS)} more in manifest.json" if len(events) > _EVENTS else ""
    return Table(("Step", "Change", "When (UTC)"), rows, caption=left_out, numeric=(0,))


def _same(finding: Finding, headline: str) -> bool:
    """True where the headline is this finding's sentence behind the verdict's name."""
    return finding.issue[1:] in headline


def _tone(finding: Finding) -> str:
    return {Severity.CRITICAL: "critical", Severity.WARNING: "warning"}.get(finding.severity, "info")


def _final_train_loss(run: AnyRun) -> float | None:
    """Return the mean of the last epoch, else the smoothed loss, else the newest."""
    by_epoch = numbers(run.epochs, "train_loss")
    if len(by_epoch):
        return float(by_epoch[-1])
    value = run.latest.get("smooth_loss", run.latest.get("train_loss"))
    if value is not None:
        return float(value)
    steps = numbers(run.history, "train_loss")
    return float(np.median(steps[-5:])) if len(steps) else None


def _throughput(run: AnyRun) -> float | None:
    values = numbers(run.history, "samples_per_s")
    values = values[np.isfinite(values)]
    if run.progress.samples_per_s is not None and math.isfinite(run.progress.samples_per_s):
        return float(run.progress.samples_per_s)
    return float(np.median(values)) if len(values) else None


def _headline(run: AnyRun, verdict: Outcome) -> tuple[str, str]:
    status = str(run.status)
    if status == "failed":
        last = (run.error or "").strip().split("\n")[-1].strip()
        said = f": {last}" if last else "."
        return f"Your code raised an exception at step {run.progress.step:,}{said}", "critical"
    if status == "diverged":
        return verdict.headline.replace("Unstable:", "Diverged:", 1), "critical"
    if status in ("stopped", "interrupted"):
        reason = run.stop_reason.strip().rstrip(".")
        why = f" ({reason})" if reason else ""
        word = "Stopped" if status == "stopped" else "Interrupted"
        return f"{word} at step {run.progress.step:,}{why}. {verdict.headline}", verdict.tone
    return verdict.headline, verdict.tone


def _of(done: int, planned: int | None) -> str:
    return f"{count(done)} of {count(planned)}" if planned and planned != done else count(done)


def _numbers_table(summary: Summary, more: list[tuple[str, str, str]]) -> KeyValues:
    """The numbers of the Training Complete summary, those that are known."""
    best = None
    if summary.best_val_loss is not None:
        where = "" if summary.best_val_step is None else f"at step {count(summary.best_val_step)}"
        best = ("Best validation loss", number(summary.best_val_loss), where)
    judged = "none was a number" if summary.best_val_acc is not None else "no validation data"
    rows: list[tuple[str, str, str] | None] = [
        ("Total steps", _of(summary.total_steps, summary.planned_steps), ""),
        ("Epochs", _of(summary.epochs, summary.planned_epochs), "") if summary.epochs else None,
        (
            "Final train loss",
            number(summary.final_train_loss),
            "mean of the last epoch" if summary.epochs else "",
        ),
        best or ("Best validation loss", "–", judged if summary.epochs else "nothing was validated"),
        ("Best validation accuracy", percent(summary.best_val_acc), "")
        if summary.best_val_acc is not None
        else None,
        ("Total time", seconds(summary.time_s), ""),
        ("Throughput", f"{count(summary.samples_per_s)} samples/s" if summary.samples_per_s else "–", ""),
        *more,
    ]
    return KeyValues(tuple(row for row in rows if row is not None))


def _failure(run: AnyRun) -> list[Section]:
    if not run.error:
        return []
    traced = Section("What happened", (Code(run.error.rstrip(), "text", caption="Traceback of your code"),))
    known = getattr(run, "explanation", None)
    return [traced] if known is None else [traced, Section(f"Explained: {known.title}", known.blocks())]


def _assessment(run: AnyRun, verdict: Outcome) -> list[Block]:
    """What stands behind the headline, without its words again."""
    headline = _headline(run, verdict)[0]
    blocks: list[Block] = []
    for finding in verdict.findings:
        said = "" if _same(finding, headline) else f"{finding.issue} "
        text = f"{said}{_sentence(finding.evidence)}" if said else _opened(finding.evidence)
        if text.strip():
            blocks.append(Note(text.strip(), _tone(finding)))
    if not verdict.findings and verdict.headline not in headline:
        blocks.append(Text(verdict.headline, verdict.tone))
    if run.alerts:
        rows = tuple(
            (count(alert.step), Cell(str(alert.severity), _tone(alert)), alert.issue, alert.evidence)
            for alert in run.alerts[:_ALERTS]
        )
        table = Table(("Step", "Severity", "Alert", "Evidence"), rows, numeric=(0,))
        more = len(run.alerts) - _ALERTS
        rest: tuple[Block, ...] = (Text(f"and {more} more in the log", "muted"),) if more > 0 else ()
        if told := where_explained(alert.rule for alert in run.alerts):
            rest = (*rest, Text(f"{told} In a terminal: `nbtrain explain ID`.", "muted"))
        blocks.append(Details(f"Alerts while training ({len(run.alerts)})", (table, *rest)))
    return blocks


def _sentence(text: str) -> str:
    text = text.strip()
    return f"({text})" if text else ""


def _opened(text: str) -> str:
    """Write evidence as a sentence of its own."""
    text = text.strip().rstrip(".")
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _files(run: AnyRun, summary: Summary) -> KeyValues:
    if run.dir is None:
        return KeyValues((("Run", run.id), ("Files", "nothing was written: this run has no folder")))
    best = _place(summary.best_checkpoint) if summary.best_checkpoint else _NO_BEST
    rows: list[tuple[Cell | str, ...]] = [
        ("Run", Cell(run.id, code=True)),
        ("Checkpoints", _place(summary.checkpoints) if summary.checkpoints else "none were saved"),
        ("Logs", _place(summary.logs or "")),
    ]
    if summary.checkpoints and summary.best_val_step is not None:
        rows.insert(2, ("Best checkpoint", best))
    return KeyValues(tuple(rows))


def _place(path: str) -> Cell:
    return Cell(place(path), code=True)


def _facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    facts = [("final train loss", number(summary.final_train_loss))]
    if summary.best_val_loss is not None:
        where = "" if summary.best_val_step is None else f", step {count(summary.best_val_step)}"
        facts.append((f"best val loss{where}", number(summary.best_val_loss)))
    if summary.best_val_acc is not None:
        facts.append(("best val accuracy", percent(summary.best_val_acc)))
    facts.append(("steps", _of(summary.total_steps, summary.planned_steps)))
    if summary.epochs:
        facts.append(("epochs", _of(summary.epochs, summary.planned_epochs)))
    facts.append(("time", seconds(summary.time_s)))
    if summary.samples_per_s:
        facts.append(("samples per second", count(summary.samples_per_s)))
    return tuple(facts)


def _alert_lines(alerts: list[Finding]) -> list[tuple[str, str]]:
    """Return a line for each kind of alert, the worst first, the same kind counted."""
    kinds: dict[str, list[Finding]] = {}
    for alert in alerts:
        kinds.setdefault(alert.rule, []).append(alert)
    order = [Severity.CRITICAL, Severity.WARNING, Severity.INFO]
    lines = []
    for group in sorted(kinds.values(), key=lambda group: order.index(group[0].severity)):
        times = "" if len(group) == 1 else f" ({len(group)} times)"
        step = "" if group[0].step is None else f"Step {count(group[0].step)}: "
        lines.append((_tone(group[0]), f"{step}{group[0].issue}{times}"))
    return lines
