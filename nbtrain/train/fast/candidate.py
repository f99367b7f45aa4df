"""The interface of a candidate of `--fast`: where it cannot be used, and how it is switched on and off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from nbtrain.train.batch import Task
from nbtrain.train.options import TrainOptions
from nbtrain.train.precision import Precision

# What a candidate does to the numbers of a run.
SAME = "the same numbers"
ROUNDING = "other rounding"  # the same operations in another order
REDUCED = "fewer digits"  # operations in a narrower type


@dataclass(frozen=True)
class Setting:
    """How a step is taken.

    Attributes:
        precision: autocast and scaling. task: how a batch becomes a loss.
        arrange: what is done to the micro-batches of a step before it begins, None for nothing.
    """

    precision: Precision
    task: Task
    arrange: Callable[[Sequence[Any]], Sequence[Any]] | None = None


@dataclass(frozen=True)
class Scene:
    """What candidates look at, and change.

    Attributes:
        model, optimizer, device: of the run. batch: one of the training data, as the loader gives it.
        options: what the person has said.
    """

    model: torch.nn.Module
    optimizer: Any
    device: torch.device
    options: TrainOptions
    batch: Any = None


def nothing() -> None:
    """Put nothing back."""


def does_not(scene: Scene) -> Callable[[], None]:
    """Switch nothing on."""
    return nothing


def as_it_is(setting: Setting, scene: Scene) -> Setting:
    """Leave a setting as it is."""
    return setting


@dataclass(frozen=True)
class Candidate:
    """One way to be faster.

    Attributes:
        id: in the manifest. title: in the plan. order: smaller ones are tried first.
        effect: SAME, ROUNDING or REDUCED.
        unfit: scene -> why it is not tried here, "" where it can be.
        change: the setting with it; changes nothing.
        switch_on: changes the person's objects, or torch's own switches, in place; returns what puts them
            back. Weights keep their values, and every object stays the same object.
        costs_s: scene -> seconds that the first step with it takes; 0 for next to nothing.
        marks: what of `nbtrain.runs.fingerprint.machine` reads otherwise while it is on.
    """

    id: str
    title: str
    order: int
    effect: str
    unfit: Callable[[Scene], str]
    change: Callable[[Setting, Scene], Setting] = as_it_is
    switch_on: Callable[[Scene], Callable[[], None]] = does_not
    costs_s: Callable[[Scene], float] = lambda scene: 0.0
    marks: Callable[[], dict[str, Any]] = dict


def check(candidate: Candidate, module: ModuleType) -> str | None:
    """Say what is wrong with a candidate as a member of its family, None for nothing."""
    if candidate.effect not in (SAME, ROUNDING, REDUCED):
        return f"effect is {candidate.effect!r}"
    if candidate.id != module.__name__.rpartition(".")[2].replace("_", "-"):
        return f"id {candidate.id!r} is not that of the file"
    return None
