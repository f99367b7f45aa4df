"""More than two sides: each compared with the first, in one table and as parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nbtrain.compare.comparable import headline_of
from nbtrain.compare.directions import direction_of
from nbtrain.compare.document import TONES, headline, pair_data
from nbtrain.compare.pair import Pair, compare_sides
from nbtrain.compare.pictures import several_curves
from nbtrain.compare.statistics import ALPHA
from nbtrain.compare.trial import Side, in_one_unit
from nbtrain.compare.verdict import BETTER, NOT_COMPARABLE, SAME, WELCH, WORSE, Verdict
from nbtrain.compare.wording import improvement_text, sample_text
from nbtrain.report.model import (
    Block,
    Cell,
    Figure,
    Items,
    Note,
    Parallel,
    ParallelAxis,
    ParallelLine,
    Report,
    Section,
    Table,
    Text,
)
from nbtrain.units import number, seconds

_AXES = 8  # vertical axes at most


@dataclass(frozen=True)
class Overview:
    """Several sides. `pairs`: the first with each other, their verdicts corrected for their number (Holm)."""

    sides: tuple[Side, ...]
    pairs: tuple[Pair, ...]
    headline: str | None
    direction: str | None

    @property
    def leader(self) -> Pair | None:
        """The pair whose verdict is better by most; None where none is better."""
        better = [pair for pair in self.pairs if pair.verdict.word == BETTER]
        return max(better, key=_gain, default=None)


def compare_many(
    sides: Sequence[Side], *, declared: Mapping[str, str] | None = None, metric: str | None = None
) -> Overview:
    """Compare every side with the first, all on one headline metric.

    Several tests find a difference by chance more often than one, so their p-values are held to Holm's
    limits (Holm 1979): the smallest to alpha / k, the next to alpha / (k - 1), and so on until one fails.
    """
    declared = declared or {}
    sides, _ = in_one_unit(tuple(sides))
    shared = headline_of(sides, metric, declared)
    wanted = metric or shared
    pairs = [compare_sides(sides[0], one, declared=declared, metric=wanted) for one in sides[1:]]
    direction = direction_of(wanted, declared) if wanted is not None else None
    return Overview(sides, tuple(_holm(pairs)), wanted, direction)


def _holm(pairs: list[Pair]) -> list[Pair]:
    tested = [at for at, pair in enumerate(pairs) if pair.verdict.method == WELCH]
    tested.sort(key=lambda at: _p(pairs[at]))
    corrected, open_still = list(pairs), True
    for place, at in enumerate(tested):
        limit = ALPHA / (len(tested) - place)
        open_still = open_still and _p(pairs[at]) < limit
        if not open_still and pairs[at].verdict.word in (BETTER, WORSE):
            said = (
                f"p = {_p(pairs[at]):.3f} alone would be below {ALPHA}, but {len(tested)} sides were tested: "
                f"Holm's limit is {limit:.3f}."
            )
            corrected[at] = replace(pairs[at], verdict=Verdict(SAME, WELCH, (said,)))
    return corrected


def _p(pair: Pair) -> float:
    top = pair.headline_measure
    return top.p_value if top is not None and top.p_value is not None else math.inf


def _gain(pair: Pair) -> float:
    top = pair.headline_measure
    return top.absolute or 0.0 if top is not None else 0.0


class Many:
    """A comparison of more than two sides. Its rich display is the report."""

    def __init__(self, overview: Overview) -> None:
        self.overview = overview

    @property
    def verdict(self) -> str:
        """Of all sides together: better where one is better than the first, else what the others are."""
        words = [pair.verdict.word for pair in self.overview.pairs]
        return next((word for word in (BETTER, SAME, WORSE) if word in words), NOT_COMPARABLE)

    @property
    def comparisons(self) -> tuple[Pair, ...]:
        """The first side with each other."""
        return self.overview.pairs

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of the leading side against the first; of the first pair where none leads."""
        pair = self.overview.leader or self.overview.pairs[0]
        return [one.to_dict() for one in pair.measures]

    @cached_property
    def report(self) -> Report:
        return _report(self.overview, self.verdict)

    def to_dict(self) -> dict[str, Any]:
        """Return `{"verdict", "runs", "comparisons": [...], ...}`, JSON-ready."""
        return self.report.to_dict()

    def to_markdown(self) -> str:
        """Return the report as Markdown; figures as their descriptions."""
        return self.report.to_markdown()

    def to_html(self) -> str:
        """Return the report as an HTML fragment with its figures inside."""
        return self.report.to_html()

    def save(self, path: str | Path) -> Path:
        """Write the report as Markdown, comparison.png and parallel.png beside it; return the path."""
        from nbtrain.compare.written import write_report

        return write_report(self.report, path)

    def __str__(self) -> str:
        return self.report.to_text()

    def __repr__(self) -> str:
        return f"<comparison of {len(self.overview.sides)} sides: {self.verdict}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report._repr_mimebundle_(include, exclude)


def _report(overview: Overview, word: str) -> Report:
    first, leader = overview.sides[0].name, overview.leader
    if leader is not None:
        said = f"Of {len(overview.sides)} sides {headline(leader)}"
    elif word == NOT_COMPARABLE:
        said = f"No side can be compared with {first}."
    else:
        said = f"No side is better than {first} beyond the noise."
    blocks: list[Block] = [_table(overview)]
    reasons = tuple(
        f"{pair.optimized.side.name}: {pair.verdict.word}. {' '.join(pair.verdict.reasons)}"
        for pair in overview.pairs
    )
    sections = [Section("All sides", tuple(blocks)), Section("Verdicts", (Items(reasons),))]
    figure = parallel_figure(overview)
    if figure is not None:
        sections.append(Section("Settings and results side by side", (figure,)))
    curves = several_curves(overview.sides, overview.headline)
    if curves is not None:
        sections.append(Section("Learning curves", (curves,)))
    notes = tuple(dict.fromkeys(note for pair in overview.pairs for note in pair.notes))
    if notes:
        sections.append(Section("Notes", (Items(notes),)))
    if overview.leader is None and any(pair.verdict.word == SAME for pair in overview.pairs):
        sections.append(Section("", (Note("Differences inside the noise name no winner.", "info"),)))
    tone = TONES.get(word, "info")
    return Report(
        f"Comparison of {len(overview.sides)} sides", tuple(sections), said, tone, _data(overview, word)
    )


def _data(overview: Overview, word: str) -> dict[str, Any]:
    leader = overview.leader or overview.pairs[0]
    return {
        "verdict": word,
        "headline_metric": overview.headline,
        "leader": overview.leader.optimized.side.name if overview.leader is not None else None,
        "metrics": [one.to_dict() for one in leader.measures],
        "gap_change": leader.gap.change if leader.gap is not None else None,
        "runs": [side.name for side in overview.sides],
        "comparisons": [pair_data(pair) for pair in overview.pairs],
    }


def _table(overview: Overview) -> Block:
    if not overview.pairs:
        return Text("Nothing to compare.")
    metrics = list(dict.fromkeys(one.name for pair in overview.pairs for one in pair.measures))[:6]
    columns = ("Side", "Runs", "Best epoch", *metrics, "Time", "Against the first", "Verdict")
    rows: list[tuple[Cell | str, ...]] = []
    for at, side in enumerate(overview.sides):
        pair = overview.pairs[max(at - 1, 0)]
        judged = pair.optimized if at else pair.baseline
        cells: list[Cell | str] = []
        for name in metrics:
            one = next((one for one in pair.measures if one.name == name), None)
            sample = None if one is None else one.optimized if at else one.baseline
            cells.append("–" if one is None or sample is None else sample_text(one, sample))
        time = next((r for r in pair.resources if r.name == "training time"), None)
        taken = None if time is None else time.optimized if at else time.baseline
        word = pair.verdict.word.replace("-", " ")
        rows.append((
            side.name, str(len(judged.side)), f"{judged.epoch:g}" if judged.epoch is not None else "–",
            *cells,
            seconds(taken), _against(pair) if at else "–",
            Cell(word, TONES.get(pair.verdict.word, "info")) if at else Cell("the first", "muted"),
        ))  # fmt: skip
    return Table(columns, tuple(rows), numeric=tuple(range(1, len(columns) - 1)),
                 caption="At each side's best epoch by validation; the first is the baseline.")  # fmt: skip


def _against(pair: Pair) -> str:
    top = pair.headline_measure
    return "–" if top is None else improvement_text(top, top.absolute)


def parallel_figure(overview: Overview) -> Figure | None:
    """Return parallel coordinates: the settings that differ, time, then the metrics."""
    columns = [*_settings(overview.sides), *_results(overview)][-_AXES:]
    if len(columns) < 2:
        return None
    axes, lines, told = [], [[] for _ in overview.sides], []
    for name, values in columns:
        axis, places = _axis(name, values)
        axes.append(axis)
        for line, place in zip(lines, places, strict=True):
            line.append(place)
        told.append(f"{name} from {axis.low} to {axis.high}")
    drawn = tuple(
        ParallelLine(side.name, tuple(line)) for side, line in zip(overview.sides, lines, strict=True)
    )
    alt = f"Parallel coordinates of {len(overview.sides)} sides over {'; '.join(told)}. "
    alt += "The table has the values."
    return Figure(
        (Parallel("Parallel coordinates", tuple(axes), drawn),), alt=alt, columns=1, name="parallel"
    )


def _settings(sides: Sequence[Side]) -> list[tuple[str, list[Any]]]:
    configs = [next((trial.config for trial in side if trial.config), {}) for side in sides]
    names = dict.fromkeys(name for config in configs for name in config)
    found = []
    for name in names:
        values = [config.get(name) for config in configs]
        known = [value for value in values if value is not None]
        if (
            len({str(value) for value in known}) > 1
            and "seed" not in name
            and not name.startswith("options.")
        ):
            found.append((name, values))
    return found[:4]


def _results(overview: Overview) -> list[tuple[str, list[Any]]]:
    pairs = overview.pairs
    names = list(dict.fromkeys(one.name for pair in pairs for one in pair.measures))[:3]
    found: list[tuple[str, list[Any]]] = []
    times = [[r for r in pair.resources if r.name == "training time"] for pair in pairs]
    if any(times):
        known = [next((r.baseline for time in times for r in time), None)]
        found.append(("time (s)", [*known, *(time[0].optimized if time else None for time in times)]))
    for name in reversed(names):
        measures = [next((one for one in pair.measures if one.name == name), None) for pair in pairs]
        base = next((one.baseline.mean for one in measures if one is not None), None)
        found.append((name, [base, *(one.optimized.mean if one is not None else None for one in measures)]))
    return found


def _axis(name: str, values: list[Any]) -> tuple[ParallelAxis, list[float]]:
    """Return an axis and where each value lies on it: 0 to 1; powers of ten where they span more than one."""
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values if v is not None)
    if not numeric:
        words = list(dict.fromkeys(str(value) for value in values if value is not None))
        span = max(len(words) - 1, 1)
        places = [math.nan if value is None else words.index(str(value)) / span for value in values]
        return ParallelAxis(name, words[0], words[-1]), places
    held = np.array([math.nan if value is None else float(value) for value in values])
    seen = held[np.isfinite(held)]
    if not len(seen):
        return ParallelAxis(name, "–", "–"), [math.nan] * len(values)
    low, high = float(seen.min()), float(seen.max())
    ends = ParallelAxis(name, number(low, 3), number(high, 3))
    if low > 0 and high > 10 * low:
        held, low, high = np.log10(held), math.log10(low), math.log10(high)
    return ends, (
        (held - low) / (high - low) if high > low else np.where(np.isfinite(held), 0.5, np.nan)
    ).tolist()
