"""The report of a comparison: verdict, metrics, curves, what it took, what was changed."""

from __future__ import annotations

from typing import Any

from nbtrain.compare.directions import UP
from nbtrain.compare.measures import Measure
from nbtrain.compare.pair import Pair
from nbtrain.compare.pictures import learning_curves
from nbtrain.compare.statistics import ALPHA
from nbtrain.compare.verdict import BETTER, NOT_COMPARABLE, RULE, WORSE
from nbtrain.compare.wording import (
    amount_text,
    improvement_text,
    interval_text,
    p_text,
    percent_text,
    sample_text,
    setting_text,
    value_text,
)
from nbtrain.report.model import Block, Cell, Details, Items, KeyValues, Note, Report, Section, Table, Text
from nbtrain.units import number, seconds

TONES = {BETTER: "good", WORSE: "critical", NOT_COMPARABLE: "warning"}
_MOST_SETTINGS = 60


def pair_report(pair: Pair) -> Report:
    """Return the report of two sides."""
    a, b = pair.baseline.side, pair.optimized.side
    sections = [
        Section("Verdict", verdict_blocks(pair)),
        Section("Metrics", metric_blocks(pair)),
    ]
    figure = learning_curves(pair)
    if figure is not None:
        sections.append(Section("Learning curves", (figure,)))
    if pair.resources or pair.reached is not None:
        sections.append(Section("Time, cost and memory", resource_blocks(pair)))
    sections.append(Section("What was changed", changed_blocks(pair)))
    sections.append(Section("Same conditions?", condition_blocks(pair)))
    return Report(
        f"Comparison: {a.name} and {b.name}",
        tuple(sections),
        headline(pair),
        TONES.get(pair.verdict.word, "info"),
        pair_data(pair),
    )


def headline(pair: Pair) -> str:
    """Return the verdict in a sentence."""
    a, b, top = pair.baseline.side.name, pair.optimized.side.name, pair.headline_measure
    if pair.verdict.word == NOT_COMPARABLE or top is None:
        return f"Not comparable. {pair.verdict.reasons[0] if pair.verdict.reasons else ''}".strip()
    difference = f"{top.name} {value_text(top, top.baseline.mean)} → {value_text(top, top.optimized.mean)}"
    rule = ", by the rule of thumb for single runs" if pair.verdict.method == RULE else ""
    if pair.verdict.word == BETTER:
        return f"{b} is better than {a}{rule}: {difference}."
    if pair.verdict.word == WORSE:
        return f"{b} is worse than {a}{rule}: {difference}."
    return f"No significant difference{rule}: {difference}."


def pair_data(pair: Pair) -> dict[str, Any]:
    """Return the contract's JSON of two sides."""
    a, b, reached = pair.baseline, pair.optimized, pair.reached
    return {
        "verdict": pair.verdict.word,
        "method": pair.verdict.method,
        "reasons": list(pair.verdict.reasons),
        "headline_metric": pair.headline,
        "metrics": [one.to_dict() for one in pair.measures],
        "gap_change": pair.gap.change if pair.gap is not None else None,
        "gap": pair.gap.to_dict() if pair.gap is not None else None,
        "epochs_to_baseline_best": reached.optimized if reached is not None else None,
        "reached": reached.to_dict() if reached is not None else None,
        "resources": [one.to_dict() for one in pair.resources],
        "config_differences": [one.to_dict() for one in pair.changed],
        "same_seed": pair.same.seed,
        "same_data": pair.same.data,
        "baseline": side_data(a),
        "optimized": side_data(b),
        "direction_unknown": list(pair.undirected),
        "only_one_side": dict(pair.one_sided),
        "notes": [*pair.same.doubts, *pair.notes],
    }


def side_data(one: Any) -> dict[str, Any]:
    """Return what is known of a side, JSON-ready."""
    return {
        "name": one.side.name,
        "runs": [trial.name for trial in one.side],
        "seeds": list(one.side.seeds),
        "best_epoch": one.epoch,
        "best_epochs": [best.epoch if best is not None else None for best in one.best],
        "epochs": [len(trial.table) for trial in one.side],
    }


def verdict_blocks(pair: Pair) -> tuple[Block, ...]:
    """Return the verdict with its reasons, and what the runs are."""
    words = {BETTER: "Better", WORSE: "Worse", NOT_COMPARABLE: "Not comparable"}
    word = words.get(pair.verdict.word, "No significant difference")
    tone = TONES.get(pair.verdict.word, "info")
    blocks: list[Block] = [Note(" ".join(pair.verdict.reasons), tone, title=word)]
    rows = tuple(
        (
            Cell(one.side.name),
            str(len(one.side)),
            _seeds(one.side.seeds),
            _epochs([len(trial.table) for trial in one.side]),
            f"{one.epoch:g}" if one.epoch is not None else "–",
            ", ".join(dict.fromkeys(trial.source for trial in one.side if trial.source)) or "–",
        )
        for one in (pair.baseline, pair.optimized)
    )
    by = f"Best epoch (by {pair.headline})" if pair.headline else "Best epoch"
    blocks.append(Table(("Side", "Runs", "Seeds", "Epochs", by, "Read from"), rows, numeric=(1, 3, 4)))
    return tuple(blocks)


def metric_blocks(pair: Pair) -> tuple[Block, ...]:
    """Return the table of metrics at the best epochs, the last epochs beside them, and the gap."""
    if not pair.measures:
        return (Text("No metric is on both sides."),)
    columns = (
        "Metric",
        pair.baseline.side.name,
        pair.optimized.side.name,
        "Improvement",
        "Relative",
        "Last epoch",
    )
    table = Table(
        columns,
        tuple(
            _metric_row(one, pair.verdict.word if one.name == pair.headline else "") for one in pair.measures
        ),
        caption="At each side's best epoch by validation; improvement is positive where the optimized side "
        "is better.",
        numeric=(1, 2, 3, 4, 5),
    )
    blocks: list[Block] = [table]
    tested = [one for one in pair.measures if one.p_value is not None or one.interval is not None]
    if tested:
        blocks.append(_tests(tested))
    if pair.gap is not None:
        name = "accuracy" if pair.gap.metric == "acc" else "loss"
        change = pair.gap.change
        word = "smaller" if change < 0 else "larger" if change > 0 else "the same"
        sizes = [
            _gap_text(value, pair.gap.metric) for value in (pair.gap.baseline, pair.gap.optimized, change)
        ]
        blocks.append(
            Text(
                f"Gap of {name} between training and validation: {sizes[0]} → {sizes[1]} "
                f"({sizes[2]}, {word})."
            )
        )
    if pair.undirected:
        names = ", ".join(pair.undirected)
        blocks.append(
            Note(
                f"It is not known which way these get better: {names}. Declare it: --up NAME or --down NAME.",
                "info",
            )
        )
    if pair.one_sided:
        blocks.append(
            Text(
                "On one side only: " + ", ".join(f"{k} ({v})" for k, v in pair.one_sided.items()) + ".",
                "muted",
            )
        )
    return tuple(blocks)


def _metric_row(one: Measure, verdict: str) -> tuple[Cell | str, ...]:
    tone = _tone(one, verdict)
    arrow = "" if one.direction is None else " ↑" if one.direction == UP else " ↓"
    last = f"{value_text(one, one.baseline.last_mean)} → {value_text(one, one.optimized.last_mean)}"
    if one.absolute_last is not None:
        last += f" ({improvement_text(one, one.absolute_last)})"
    return (
        Cell(one.name + arrow),
        sample_text(one, one.baseline),
        sample_text(one, one.optimized),
        Cell(improvement_text(one, one.absolute), tone),
        Cell("–" if one.relative_percent is None else percent_text(one.relative_percent), tone),
        last,
    )


def _tone(one: Measure, verdict: str) -> str:
    """Return a colour for what is beyond the noise only: by its own test, else by the verdict."""
    if one.p_value is not None:
        verdict = "" if one.p_value >= ALPHA or not one.absolute else BETTER if one.absolute > 0 else WORSE
    return {BETTER: "good", WORSE: "critical"}.get(verdict, "")


def _tests(measures: list[Measure]) -> Table:
    rows = tuple(
        (
            one.name,
            "–" if one.t is None else f"{one.t:.2f}",
            "–" if one.df is None else f"{one.df:.1f}",
            "–" if one.p_value is None else p_text(one.p_value),
            interval_text(one),
        )
        for one in measures
    )
    return Table(
        ("Metric", "t", "Degrees of freedom", "p (Welch)", "95 % interval of the improvement"),
        rows,
        caption="Welch's t-test and a bootstrap over the runs. The p-values are not corrected for the number "
        "of metrics; the verdict rests on the first row alone.",
        numeric=(1, 2, 3, 4),
    )


def _gap_text(value: float, metric: str) -> str:
    return f"{100 * value:+.2f} points" if metric == "acc" else f"{value:+.4g}"


def resource_blocks(pair: Pair) -> tuple[Block, ...]:
    """Return what both sides took, and how soon the baseline's best was reached."""
    blocks: list[Block] = []
    if pair.resources:
        rows = tuple(
            (
                one.name.capitalize() if one.name[:1].islower() else one.name,
                amount_text(one.baseline, one.kind, one.currency),
                amount_text(one.optimized, one.kind, one.currency),
                "–" if one.saved_percent is None else percent_text(-one.saved_percent),
            )
            for one in pair.resources
        )
        columns = ("", pair.baseline.side.name, pair.optimized.side.name, "Change")
        blocks.append(Table(("What", *columns[1:]), rows, numeric=(1, 2, 3)))
    if pair.reached is not None:
        blocks.append(Text(reached_text(pair)))
    return tuple(blocks)


def reached_text(pair: Pair) -> str:
    """Return how soon the baseline's best was reached, in a sentence."""
    reached, top = pair.reached, pair.headline_measure
    if reached is None:
        return ""
    target = value_text(top, reached.target) if top is not None else number(reached.target)
    a, b = pair.baseline.side.name, pair.optimized.side.name
    start = f"The best of {a}, {pair.headline} {target}, took {_epochs_text(reached.baseline)} there"
    if reached.optimized is None:
        of = f" ({reached.share[0]} of {reached.share[1]} runs did)" if reached.share[1] > 1 else ""
        return f"{start}; {b} did not reach it{of}."
    times = [seconds(value) for value in reached.seconds]
    took = f" ({times[0]} and {times[1]} of training)" if None not in reached.seconds else ""
    return f"{start}; {b} reached it after {reached.optimized:g}{took}."


def changed_blocks(pair: Pair) -> tuple[Block, ...]:
    """Return the settings that differ."""
    sides = (pair.baseline.side, pair.optimized.side)
    unknown = [side.name for side in sides if not any(trial.config for trial in side)]
    if unknown:
        return (Text(f"The settings of {' and '.join(unknown)} are not known.", "muted"),)
    if not pair.changed:
        return (Text("No setting differs."),)
    rows = tuple(
        (
            Cell(one.field, code=True),
            Cell("not set" if one.absent == "baseline" else setting_text(one.baseline)),
            Cell("not set" if one.absent == "optimized" else setting_text(one.optimized)),
        )
        for one in pair.changed
    )
    columns = ("Setting", pair.baseline.side.name, pair.optimized.side.name)
    blocks: list[Block] = [Table(columns, rows[:_MOST_SETTINGS])]
    if len(rows) > _MOST_SETTINGS:
        blocks.append(Details(f"{len(rows) - _MOST_SETTINGS} more", (Table(columns, rows[_MOST_SETTINGS:]),)))
    return tuple(blocks)


def condition_blocks(pair: Pair) -> tuple[Block, ...]:
    """Return whether seeds and data are the same, and what to keep in mind."""
    words = {True: ("yes", "good"), False: ("no", "warning"), None: ("not known", "muted")}
    rows = (
        ("Same seed", Cell(*words[pair.same.seed]), pair.same.seed_said),
        ("Same data", Cell(*words[pair.same.data]), pair.same.data_said),
    )
    notes = (*pair.same.doubts, *pair.notes)
    return (KeyValues(rows), Items(notes)) if notes else (KeyValues(rows),)


def _epochs_text(value: float) -> str:
    return f"{value:g} epoch{'' if value == 1 else 's'}"


def _seeds(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds[:8])) + (" ..." if len(seeds) > 8 else "") if seeds else "not known"


def _epochs(lengths: list[int]) -> str:
    if not lengths:
        return "0"
    low, high = min(lengths), max(lengths)
    return str(low) if low == high else f"{low} to {high}"
