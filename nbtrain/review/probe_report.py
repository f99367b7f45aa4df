"""The section on the probe: what the steps were made of, what was seen, and that all is as before."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from nbtrain.report.model import Block, Cell, Items, KeyValues, Note, Report, Section
from nbtrain.review.probe.seen import GradientsSeen, Happening, LayerSeen, LearnedSeen, ProbeFacts

BEFORE = "Confidence Assessment"
SHOWN = (
    "batch",
    "zero-grad",
    "forward",
    "loss",
    "scale",
    "backward",
    "unscale",
    "clip",
    "optim-step",
    "sched-step",
)
WORDS = {"optim-step": "step", "sched-step": "scheduler", "zero-grad": "zero_grad"}
MOST_SHOWN = 24
MOSTLY = 0.5  # of a layer's units dead or values saturated: SageMaker Debugger, DeepDiagnosis


def to_dict(probe: ProbeFacts) -> dict[str, Any]:
    """Return the probe JSON-ready."""
    said = asdict(probe)
    said["events"] = [{**one, "data": dict(one["data"])} for one in said["events"][:200]]
    return said


def added(report: Report, probe: ProbeFacts) -> Report:
    """Return the report of a review with the section on its probe."""
    section = Section("Probe", tuple(_blocks(probe)))
    at = next((n for n, one in enumerate(report.sections) if one.title == BEFORE), len(report.sections))
    return replace(report, sections=(*report.sections[:at], section, *report.sections[at:]))


def ending(probe: ProbeFacts) -> str:
    """How far the probe came, in a sentence."""
    steps = f"{probe.steps} optimizer step{'' if probe.steps == 1 else 's'}"
    if probe.ended == "refused":
        return f"Not probed: {probe.error}."
    if probe.ended == "error":
        place = f"line {probe.error_line}" if probe.error_line else "no line of the source"
        return (
            f"The source raised {probe.error} ({place}) after {steps}; the review goes on without the rest."
        )
    if probe.ended == "time":
        return f"The time for a probe was up after {steps} ({probe.total_s:.0f} s)."
    if probe.ended == "cell" and not probe.steps:
        return "The source came to its end without an optimizer step."
    return f"{steps} on copies, {probe.total_s:.2g} s."


def _blocks(probe: ProbeFacts) -> list[Block]:
    rows: list[tuple[Cell | str, ...]] = [("Ran", ending(probe))]
    if order := _order(probe):
        rows.append(("In this order", order))
    if losses := [one.data["value"] for one in probe.of("backward") if one.data.get("value") is not None]:
        rows.append(("Loss", ", ".join(f"{one:.4g}" for one in losses[:6]) + _expected(probe.first_loss)))
    rows += [("Gradients", _gradients(one)) for one in probe.gradients]
    rows += [("Layer", said) for one in probe.layers if (said := _layer(one))][:6]
    rows += _learned(probe.one_batch, probe.labels)
    if probe.steps and probe.total_s and probe.of("batch"):
        share = probe.batch_s / probe.total_s
        rows.append(("Waiting for batches", f"{share:.0%} of the time, with the loader in this process"))
    if probe.peak_bytes is not None:
        rows.append(("Peak memory", f"{probe.peak_bytes / 2**30:.2f} GiB on the device above what was there"))
    if probe.verified and not probe.changed:
        rows.append(("Put back", f"as before, verified by hash: {', '.join(probe.verified)}"))
    blocks: list[Block] = [KeyValues(tuple(rows))]
    if probe.changed:
        changed = ", ".join(probe.changed)
        blocks.append(
            Note(f"Not as before the probe: {changed}. Run the cells that made them again.", "critical")
        )
    if probe.notes:
        blocks.append(Items(probe.notes[:12]))
    return blocks


def _learned(batch: LearnedSeen | None, labels: LearnedSeen | None) -> list[tuple[Cell | str, ...]]:
    """The sanity experiments, a row each."""
    rows: list[tuple[Cell | str, ...]] = []
    if batch is not None:
        said = f"not told: {batch.how}" if batch.how else f"{batch.steps} steps on the first batch: loss "
        rows.append(("One batch", said if batch.how else f"{said}{batch.first:.4g} to {batch.last:.4g}"))
    if labels is not None:
        ends = f"{labels.last or 0:.4g}, with labels of other samples {labels.shuffled or 0:.4g}"
        said = f"not told: {labels.how}" if labels.how else f"loss after {labels.steps} steps {ends}"
        rows.append(("Labels", said))
    return rows


def _order(probe: ProbeFacts) -> str:
    """The events up to the first step, and what follows it before the next batch or forward."""
    shown: list[str] = []
    stepped = False
    for one in probe.events:
        if stepped and one.kind in ("batch", "forward", "backward", "optim-step"):
            break
        stepped = stepped or one.kind == "optim-step"
        if one.kind in SHOWN:
            shown.append(_event(one))
    kept = shown if len(shown) <= MOST_SHOWN else [*shown[:8], "...", *shown[-12:]]
    return ", ".join(kept)


def _event(one: Happening) -> str:
    said = WORDS.get(one.kind, one.kind)
    return f"{said} {one.line}" if one.line else said


def _expected(loss: Happening | None) -> str:
    expected = loss.data.get("expected") if loss is not None else None
    if loss is None or expected is None:
        return ""
    return f" (a guess among {loss.data['classes']} classes starts at {expected:.4g})"


def _layer(one: LayerSeen) -> str:
    """A layer of which most does not work in the first forward; "" for another."""
    if one.dead is not None and one.dead > MOSTLY:
        return f"`{one.path}` ({one.cls}): {one.dead:.0%} of its units are zero for the whole batch"
    if one.saturated is not None and one.saturated > MOSTLY:
        return f"`{one.path}` ({one.cls}): {one.saturated:.0%} of its values are where it is flat"
    return ""


def _gradients(one: GradientsSeen) -> str:
    said = f"`{one.name}`: norm {one.norm:.3g}"
    if one.ratio is not None:
        said += f", update to weights {one.ratio:.2g}"
    if one.none or one.zero:
        names = [*one.none, *one.zero]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        said += f"; none or zero in {len(names)} of {one.count}: {', '.join(names[:4])}{more}"
    return said
