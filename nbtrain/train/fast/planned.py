"""`--fast` in a plan: what is tried, or taken over from the run that goes on, is how the work is done."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from nbtrain.train.estimate import LOOP_S, Estimate
from nbtrain.train.fast.candidate import Scene, Setting
from nbtrain.train.fast.chosen import Chosen, candidates, chosen_again
from nbtrain.train.fast.table import KEPT, NOT_TRIED, Trial, Trials
from nbtrain.train.fast.trying import Trying, try_out
from nbtrain.train.rehearsal import Rehearsal
from nbtrain.train.work import Work

UPDATE = 1.2  # of forward and backward: a step, about, until it is timed


def made_faster(
    work: Work, rehearsal: Rehearsal, expected: Estimate | str, steps: int | None
) -> tuple[Trials, Estimate | str]:
    """Try what makes a step of this work faster, and have it trained with what wins.

    Args:
        expected: how long the run takes as it is. steps: optimizer steps of it, None where unknown.

    Returns:
        What came of it, and how long the run takes now.
    """
    scene = scene_of(work, rehearsal)
    setting = Setting(work.precision, work.task)
    if isinstance(work.options.fast, tuple):
        chosen, trials = _again(scene, setting, work.options.fast)
    else:
        step_s = UPDATE * median(rehearsal.times_s) * work.options.accumulate if rehearsal.times_s else None
        eta_s = expected.seconds if isinstance(expected, Estimate) else None
        trials, chosen = try_out(Trying(work, scene, step_s, eta_s, steps), Chosen(setting))
    work.chosen, work.precision = chosen, chosen.setting.precision
    if isinstance(expected, str) or not steps or trials.after_ms is None:
        return trials, expected
    return trials, _as_measured(expected, steps * (trials.after_ms / 1e3 + LOOP_S))


def _as_measured(expected: Estimate, training_s: float) -> Estimate:
    """Return the estimate with the steps as they were timed here: whole ones, with their update."""
    change = training_s - expected.parts["training"]
    low_s, high_s = (max(0.0, value + change) for value in (expected.low_s, expected.high_s))
    return replace(
        expected, seconds=max(0.0, expected.seconds + change), low_s=low_s, high_s=high_s,
        parts={**expected.parts, "training": training_s}, basis=f"{expected.basis}; steps as timed by --fast",
    )  # fmt: skip


def scene_of(work: Work, rehearsal: Rehearsal) -> Scene:
    """Return what candidates look at."""
    return Scene(work.model, work.optimizer, work.device, work.options, rehearsal.batch)


def _again(scene: Scene, setting: Setting, ids: tuple[str, ...]) -> tuple[Chosen, Trials]:
    chosen, missing = chosen_again(setting, scene, ids)
    titles = {candidate.id: candidate for candidate in candidates()}
    rows = [Trial(one.id, one.title, one.effect, KEPT, "as in the run that goes on") for one in chosen.kept]
    for name, why in missing.items():
        known = titles.get(name)
        title, effect = (known.title, known.effect) if known else (name, "")
        rows.append(Trial(name, title, effect, NOT_TRIED, f"kept then, and not to be had now: {why}"))
    return chosen, Trials(tuple(rows), remark="" if rows else "As in the run that goes on: nothing was kept.")
