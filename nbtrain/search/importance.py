"""What decides in a search: how much of the order of the trials each parameter explains alone.

Adjusted variance explained by groups (epsilon squared, Kelley 1935) of the trials' ranks: a parameter's
values are the groups, those of a range cut into at most four parts with equally many trials. Ranks, because
one trial that went astray would otherwise decide everything; adjusted, because many groups explain much by
chance. It sees no interactions: two parameters that matter only together both look small.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from typing import Any

from nbtrain.search.space import Range, Space
from nbtrain.search.study import Trial

LEAST = 10  # trials at their ends; of fewer the order is mostly chance
MOST_PARTS, LEAST_IN_PART = 4, 3


def importance_of(trials: Sequence[Trial], space: Space) -> dict[str, float]:
    """Return parameter -> share of the trials' order that it explains, from 0 to 1; {} with too few
    trials.
    """
    done = [one for one in trials if one.state == "completed" and one.value is not None]
    if len(done) < LEAST or len({one.value for one in done}) < 2:
        return {}
    ordered = sorted(float(one.value) for one in done)
    ranks = {
        value: statistics.fmean(at for at, one in enumerate(ordered) if one == value) for value in ordered
    }
    found = {}
    for parameter in space.parameters:
        there = [one for one in done if parameter.name in one.values]
        groups = _groups(there, parameter)
        if len(groups) > 1 and len(there) > len(groups):
            found[parameter.name] = _explained(
                [[ranks[float(one.value)] for one in group] for group in groups]
            )
    return found


def _groups(trials: list[Trial], parameter: Any) -> list[list[Trial]]:
    if not isinstance(parameter, Range):
        by_value: dict[str, list[Trial]] = {}
        for one in trials:
            by_value.setdefault(repr(one.values[parameter.name]), []).append(one)
        return list(by_value.values())
    ordered = sorted(trials, key=lambda one: one.values[parameter.name])
    parts = min(MOST_PARTS, len(ordered) // LEAST_IN_PART)
    cuts = [round(at * len(ordered) / max(parts, 1)) for at in range(parts + 1)]
    return [ordered[start:end] for start, end in itertools.pairwise(cuts) if end > start]


def _explained(groups: list[list[float]]) -> float:
    every = [value for group in groups for value in group]
    middle = statistics.fmean(every)
    total = sum((value - middle) ** 2 for value in every)
    if not total:
        return 0.0
    within = sum((value - statistics.fmean(group)) ** 2 for group in groups for value in group)
    adjusted = 1 - (within / (len(every) - len(groups))) / (total / (len(every) - 1))
    return max(0.0, adjusted)
