"""What a search has come to, as a report: the best, pictures, what matters, every trial. It draws nothing."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrain import units
from nbtrain.report.model import (
    Axes,
    Block,
    Cell,
    Code,
    Details,
    Figure,
    Items,
    KeyValues,
    Note,
    Parallel,
    ParallelAxis,
    ParallelLine,
    Report,
    Section,
    Series,
    Table,
)
from nbtrain.report.plain import one_line
from nbtrain.search.options import SearchOptions
from nbtrain.search.space import Range, Space
from nbtrain.search.study import Trial, best_of

SHOWN = 10  # trials in the table before the fold
MOST_CURVES = 60
TONES = {
    "completed": "good", "running": "info", "pruned": "muted", "failed": "critical", "diverged": "critical",
    "out of memory": "critical", "interrupted": "warning",
}  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """A search at one moment.

    Attributes:
        trials: oldest first. importance: parameter -> share. wanted: trials in all. now: of the trial under
            way: run, epoch, of, and the newest values. best_yaml: the best configuration, once it is written.
    """

    space: Space
    options: SearchOptions
    trials: tuple[Trial, ...]
    importance: Mapping[str, float]
    wanted: int
    folder: str
    status: str
    reason: str = ""
    warnings: tuple[str, ...] = ()
    now: Mapping[str, Any] = field(default_factory=dict)
    best_yaml: str = ""

    @property
    def best(self) -> Trial | None:
        """The best trial that came to its end."""
        return best_of(list(self.trials), maximize=self.options.maximize)

    @property
    def shown(self) -> list[Trial]:
        """The trials that count, and interrupted ones that nothing has taken up yet."""
        again = {one.again for one in self.trials}
        return [one for one in self.trials if one.number not in again]

    def ranked(self) -> list[Trial]:
        """Return what is shown, the best first, what has no value last."""
        sign = -1 if self.options.maximize else 1
        order = {"completed": 0, "running": 1, "pruned": 2}
        return sorted(
            self.shown,
            key=lambda one: (
                order.get(one.state, 3), math.inf if one.value is None else sign * one.value, one.number
            ),
        )  # fmt: skip


def said(values: Mapping[str, Any]) -> str:
    """Return values in a line: `learning_rate 0.001, dropout 0.3`."""
    return ", ".join(f"{name} {shown(value)}" for name, value in values.items())


def shown(value: Any) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, (list, tuple)):
        return " ".join(map(shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def trial_line(one: Trial, metric: str) -> str:
    """Return a trial in a line: `trial 3  completed  val_loss 0.3121 (epoch 4)  1.2 s  learning_rate
    0.001`.
    """
    parts = [f"trial {one.number}", one.state]
    if one.value is not None:
        parts.append(f"{metric} {one.value:.4f}" + (f" (epoch {one.best_epoch})" if one.best_epoch else ""))
    if one.seconds is not None:
        parts.append(units.seconds(one.seconds))
    parts.append(said(one.values))
    reason = " ".join(one.reason.split())
    return "  ".join([*parts, *([one_line(reason, 120)] if reason else ())])


def search_report(standing: Standing, *, figures: bool = True) -> Report:
    """Return the report of a search as it stands."""
    metric, best = standing.options.metric, standing.best
    sections = []
    if standing.warnings:
        notes = tuple(Note(text, tone="warning") for text in standing.warnings)
        sections.append(Section("About the space", notes))
    if standing.now:
        sections.append(Section("Now", (_now(standing),)))
    if figures and any(one.curve for one in standing.shown):
        sections.append(Section("", (search_figure(standing),)))
    if standing.importance:
        sections.append(Section("What decides", (_importance(standing),)))
    sections.append(Section("Trials", _tables(standing)))
    if standing.status not in ("planned", "running"):
        sections.append(_next(standing))
    return Report(
        "Search", tuple(sections), _headline(standing), _tone(standing), _data(standing, metric, best)
    )


def _headline(standing: Standing) -> str:
    done = sum(one.state not in ("running", "interrupted") for one in standing.shown)
    head = f"{done} of {standing.wanted} trials, {standing.options.method}"
    if standing.status not in ("planned", "running", "completed"):
        plain = standing.reason.startswith(standing.status)  # "stopped by hand" says it all
        head += f", {standing.reason}" if plain else f", {standing.status}"
        head += f": {standing.reason}" if standing.reason and not plain else ""
    best = standing.best
    if best is None:
        return f"{head}. None has come to its end yet." if standing.status == "running" else f"{head}."
    value = f"{standing.options.metric} {units.number(best.value)}"
    return f"{head}. Best {value}, trial {best.number}: {said(best.values)}."


def _tone(standing: Standing) -> str:
    return {"completed": "good", "failed": "critical", "stopped": "warning"}.get(standing.status, "")


def _now(standing: Standing) -> Block:
    one = next((trial for trial in reversed(standing.trials) if trial.state == "running"), None)
    rows = []
    if one is not None:
        rows.append(("Trial", f"{one.number}: {said(one.values)}"))
    of = f" of {standing.now['of']}" if standing.now.get("of") else ""
    rows.append(("Epoch", f"{standing.now.get('epoch') or 1}{of}"))
    for name in ("train_loss", standing.options.metric):
        value = standing.now.get(name)
        if isinstance(value, (int, float)):
            rows.append((name, units.number(float(value))))
    return KeyValues(tuple(rows))


def _importance(standing: Standing) -> Block:
    rows = tuple(
        (name, "█" * round(20 * share) or "▏", units.percent(share, 0))
        for name, share in sorted(standing.importance.items(), key=lambda one: -one[1])
    )
    caption = "How much of the trials' order each parameter explains alone. With few trials it is a hint."
    return Table(("Parameter", "", "Share"), rows, caption, numeric=(2,))


def _tables(standing: Standing) -> tuple[Block, ...]:
    ranked = standing.ranked()
    if not ranked:
        return (Items(("None has begun yet.",)),)
    blocks: list[Block] = [_table(standing, ranked[:SHOWN])]
    if len(ranked) > SHOWN:
        blocks.append(Details(f"{len(ranked) - SHOWN} more", (_table(standing, ranked[SHOWN:]),)))
    return tuple(blocks)


def _table(standing: Standing, trials: Sequence[Trial]) -> Table:
    names, best = standing.space.names, standing.best
    reasons = any(one.reason for one in trials)
    rows = []
    for one in trials:
        value = "–" if one.value is None else units.number(one.value)
        is_best = best is not None and one.number == best.number
        row = [
            str(one.number), Cell(one.state, tone=TONES.get(one.state, "")),
            Cell(f"{value} ★" if is_best else value, tone="good" if is_best else ""),
            *(shown(one.values[name]) if name in one.values else "·" for name in names),
            str(one.best_epoch or "–"), units.seconds(one.seconds),
        ]  # fmt: skip
        rows.append((*row, *([" ".join(one.reason.split())[:160]] if reasons else ())))
    columns = ("Trial", "State", standing.options.metric, *names, "Best epoch", "Time")
    numeric = tuple(range(2, len(columns)))
    return Table((*columns, *(("Why",) if reasons else ())), tuple(rows), numeric=numeric)


def _next(standing: Standing) -> Section:
    best = standing.best
    steps = []
    if best is not None:
        steps.append(f"Train the best longer: %train --config {standing.folder}/best.yaml")
        steps.append(f"Its weights: {standing.folder}/runs/{best.run}")
    if standing.status in ("stopped", "interrupted"):
        steps.append(f"Go on: %train search --resume --output {standing.folder}")
    elif best is not None:
        steps.append(
            f"More trials: %train search --resume --output {standing.folder} --n-trials {2 * standing.wanted}"
        )
    edges = _at_edges(standing)
    if edges:
        steps.append(edges)
    steps.append(f"All trials: {standing.folder}/trials.csv, and {standing.folder}/trials.db for Optuna.")
    blocks: list[Block] = [Items(tuple(steps))]
    if standing.best_yaml:
        blocks.insert(0, Code(standing.best_yaml, "yaml", "best.yaml"))
    return Section("Next", tuple(blocks))


def _at_edges(standing: Standing) -> str:
    """Say which of the best values lie at an end of what was searched: the best may lie beyond."""
    best = standing.best
    if best is None:
        return ""
    found = []
    for name, value in best.values.items():
        parameter = standing.space[name]
        numbers = isinstance(value, (int, float)) and not isinstance(value, bool)
        several = isinstance(parameter, Range) or len(parameter.values) > 2
        if numbers and value and several and not 0.02 < parameter.share(value) < 0.98:  # 0 is where it ends
            found.append(f"{name} {shown(value)}")
    if not found:
        return ""
    verb = "lies" if len(found) == 1 else "lie"
    return f"{', '.join(found)} {verb} at the end of what was searched: wider values may be better."


# --- pictures
# ------------------------------------------------------------------------------------------------


def search_figure(standing: Standing) -> Figure:
    """Return curves of all trials, the best so far, and parallel coordinates."""
    metric = standing.options.metric
    axes = (_curves(standing), _progress(standing), _parallel(standing))
    best = standing.best
    told = (
        f"best {metric} {units.number(best.value)} at {said(best.values)}" if best else "no trial at its end"
    )
    alt = (
        f"{len(standing.shown)} trials; {told}. Left: {metric} at each validation of every trial. Right: the "
    )
    alt += "best so far after each trial. Below: a line a trial across its parameters."
    return Figure(axes, alt, columns=2, name="search")


def _curves(standing: Standing) -> Axes:
    best = standing.best
    drawn = [one for one in standing.shown if one.curve][-MOST_CURVES:]
    series = [_curve(one, "faint", "train") for one in drawn if best is None or one.number != best.number]
    if best is not None and best.curve:
        name = f"trial {best.number} (best)"
        series.append(Series(name, _count(best.curve), best.curve, role="valid"))
    values = [value for one in drawn for value in one.curve if math.isfinite(value)]
    return Axes(standing.options.metric, tuple(series), x_label="validation", log_y=_wide(values))


def _wide(values: Sequence[float]) -> bool:
    """Say whether a few values would press all others flat on an even axis."""
    return bool(values) and min(values) > 0 and max(values) > 20 * statistics.median(values)


def _curve(one: Trial, style: str, role: str) -> Series:
    return Series(f"trial {one.number}", _count(one.curve), one.curve, style=style, role=role)


def _count(curve: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(at) for at in range(1, len(curve) + 1))


def _progress(standing: Standing) -> Axes:
    trials = [one for one in standing.shown if one.value is not None and one.state in ("completed", "pruned")]
    done = [one for one in trials if one.state == "completed"]
    better = max if standing.options.maximize else min
    so_far: list[float] = []
    for one in done:
        so_far.append(better([*so_far[-1:], one.value]))
    points = Series(
        "trial", tuple(float(one.number) for one in trials), tuple(one.value for one in trials),
        style="points", role="train",
    )  # fmt: skip
    line = Series("best so far", tuple(float(one.number) for one in done), tuple(so_far), role="valid")
    wide = _wide([one.value for one in trials])
    return Axes("Best so far", (points, line), x_label="trial", y_label=standing.options.metric, log_y=wide)


def _parallel(standing: Standing) -> Parallel:
    space, maximize = standing.space, standing.options.maximize
    done = [one for one in standing.shown if one.state == "completed" and one.value is not None]
    values = sorted(one.value for one in done)
    low, high = (values[0], values[-1]) if values else (0.0, 0.0)
    axes = []
    for parameter in space.parameters:
        if isinstance(parameter, Range):
            ends = shown(parameter.low), shown(parameter.high)
        else:
            ordered = parameter.ordered()
            ends = shown(ordered[0]), shown(ordered[-1])
        axes.append(ParallelAxis(parameter.name, *ends))
    axes.append(ParallelAxis(standing.options.metric, units.number(low), units.number(high)))
    lines = []
    for one in done:
        rank = values.index(one.value) / max(len(values) - 1, 1)  # by rank: one bad trial hides no other
        where = _share(one.value, low, high, log=_wide(values))
        across = [
            parameter.share(one.values[parameter.name]) if parameter.name in one.values else math.nan
            for parameter in space.parameters
        ]
        lines.append(
            ParallelLine(f"trial {one.number}", (*across, where), good=rank if maximize else 1 - rank)
        )
    return Parallel("Parameters and what they came to", tuple(axes), tuple(lines))


def _share(value: float, low: float, high: float, *, log: bool) -> float:
    if high == low:
        return 0.5
    return math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)


def _data(standing: Standing, metric: str, best: Trial | None) -> dict[str, Any]:
    return {
        "status": standing.status, "method": standing.options.method, "metric": metric,
        "n_trials": standing.wanted, "folder": standing.folder, "warnings": list(standing.warnings),
        "best": None if best is None else
        {"trial": best.number, "value": best.value, "values": dict(best.values), "run": best.run},
        "importance": dict(standing.importance),
        "trials": [
            {"trial": one.number, "state": one.state, "value": one.value, "values": dict(one.values),
             "seconds": one.seconds, "best_epoch": one.best_epoch, "reason": one.reason, "run": one.run}
            for one in standing.trials
        ],
    }  # fmt: skip
