"""What a learning-rate range test came to, as a report: curve, suggestion, proof of no trace."""

from __future__ import annotations

import math
from typing import Any

from nbtrain import units
from nbtrain.report.model import Axes, Cell, Figure, KeyValues, Mark, Note, Report, Section, Series
from nbtrain.runs.events import value_text as rate_text
from nbtrain.train.lr_range import RangeTest

HOW_PROVEN = "compared by hash (blake2b) before and after"


def lr_report(test: RangeTest, *, optimizer: str, now: float, groups: int = 1, applied: str = "") -> Report:
    """Return the report of a test.

    Args:
        optimizer: what the optimizer is called. now: its first group's rate at the time of the test.
        groups: how many it has.
        applied: what was done with the suggestion, a sentence.
    """
    sections = [
        Section("Loss over learning rate", (_figure(test),)),
        Section("Rates", (_rates(test, now, groups),)),
        Section("Left as it was", tuple(_proof(test))),
    ]
    if applied:
        sections.insert(0, Section("Applied after the test", (Note(applied, tone="good"),)))
    suggestion = test.suggestion
    if suggestion.lr is None:
        headline, tone = f"No suggestion: {suggestion.reason}.", "warning"
    else:
        headline, tone = f"Suggested: lr = {rate_text(suggestion.lr)}, {suggestion.reason}.", "good"
    if test.changed:
        tone = "critical"
    title = f"Learning-rate range test: {optimizer}"
    return Report(title, tuple(sections), headline, tone, data=_data(test, now))


def _figure(test: RangeTest) -> Figure:
    rates, found = test.rates, test.suggestion
    ceiling = _ceiling(test)
    losses = tuple(min(loss, ceiling) for loss in test.losses)
    series = [Series("each step", rates, losses, style="faint", role="train")]
    if found.smoothed:
        series.append(Series("smoothed", rates, found.smoothed, role="train"))
    marks: list[Mark] = []
    for name, rate, tone in (("valley", found.valley, "good"), ("steepest", found.steepest, "info")):
        if rate is not None:
            series.append(
                Series(name, (rate,), (_height(test, rate),), "points", "valid" if name == "valley" else "lr")
            )
            marks.append(Mark(rate, f"{name} {rate_text(rate)}", tone))
    axes = Axes("Loss", tuple(series), x_label="learning rate", marks=tuple(marks), log_x=True)
    is_cut = max(test.losses, default=0) > ceiling
    caption = f"Losses above {units.number(ceiling, 2)} are cut off." if is_cut else ""
    return Figure((axes,), alt=_in_words(test), columns=1, caption=caption)


def _ceiling(test: RangeTest) -> float:
    """The height of the picture: an explosion would press the fall, which is what one looks for, flat."""
    smooth = test.suggestion.smoothed
    return max(smooth) + 0.6 * (max(smooth) - min(smooth)) if len(set(smooth)) > 1 else math.inf


def _height(test: RangeTest, rate: float) -> float:
    """The smoothed loss at the step whose rate is nearest."""
    place = min(range(len(test.rates)), key=lambda i: abs(test.rates[i] / rate - 1))
    return test.suggestion.smoothed[place]


def _in_words(test: RangeTest) -> str:
    if not test.losses:
        return "No loss was measured."
    lowest = min(range(len(test.losses)), key=test.losses.__getitem__)

    def at(step: int) -> str:
        return f"{units.number(test.losses[step])} at {rate_text(test.rates[step])}"

    said = f"Loss over learning rate: {at(0)}, lowest {at(lowest)}, {at(-1)} at the end."
    found = test.suggestion
    if found.valley is None:
        return said
    return f"{said} Valley {rate_text(found.valley)}, steepest {rate_text(found.steepest)}."


def _rates(test: RangeTest, now: float, groups: int) -> KeyValues:
    found, settings = test.suggestion, test.settings
    rows: list[tuple[Cell | str, ...]] = []
    if found.lr is not None:
        rows += [
            ("Valley", Cell(rate_text(found.valley), tone="good"), Cell("the suggestion", tone="muted")),
            (
                "Steepest", rate_text(found.steepest),
                Cell("where the loss falls fastest; bolder, and it may not hold for long", tone="muted"),
            ),
            (
                "Lowest loss", rate_text(found.lowest),
                Cell("too high to train with: next to where it breaks", tone="muted"),
            ),
        ]  # fmt: skip
    rows.append(("Now", rate_text(now), Cell("what the optimizer has", tone="muted")))
    if groups > 1:
        ratio = "all rates here are the first group's; the others kept their ratio to it"
        rows.append(("Groups", str(groups), Cell(ratio, tone="muted")))
    ended = test.ended or "all steps were taken"
    span = f"{rate_text(settings.start)} to {rate_text(settings.end)} in {settings.steps} steps"
    rows.append(("Tested", span, Cell(f"{len(test.losses)} steps: {ended}", tone="muted")))
    rows.append(("Took", units.seconds(test.seconds), ""))
    return KeyValues(tuple(rows))


def _proof(test: RangeTest) -> list[Note]:
    parts = ", ".join(test.checked)
    if test.changed:
        changed = " and ".join(test.changed)
        text = (
            f"Not everything is as it was: {changed} differ from before the test ({HOW_PROVEN}). Make model "
            "and optimizer again before you train."
        )
        return [Note(text, tone="critical", title="Changed"), *_unchecked(test)]
    title = "Verified" if test.verified else "Verified in part"
    return [
        Note(f"Everything is as it was, {HOW_PROVEN}: {parts}.", tone="good", title=title),
        *_unchecked(test),
    ]


def _unchecked(test: RangeTest) -> list[Note]:
    return [Note(text, tone="warning", title="Not verified") for text in test.unchecked]


def _data(test: RangeTest, now: float) -> dict[str, Any]:
    found, settings = test.suggestion, test.settings
    return {
        "suggestion": found.lr, "method": "valley" if found.lr is not None else None, "reason": found.reason,
        "valley": found.valley, "steepest": found.steepest, "lowest": found.lowest, "lr_now": now,
        "start": settings.start, "end": settings.end, "steps": settings.steps,
        "accumulate": settings.accumulate, "lrs": list(test.rates), "losses": list(test.losses),
        "smoothed": list(found.smoothed), "ended": test.ended, "verified": test.verified,
        "checked": list(test.checked), "changed": list(test.changed), "unchecked": list(test.unchecked),
        "seconds": test.seconds,
    }  # fmt: skip
