"""Trainings long enough that good habits matter, and what a source calls while they go on."""

from __future__ import annotations

from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import Const
from nbtrain.review.facts import ReviewFacts

LONG_EPOCHS, LONG_STEPS = 10, 1000


def long_cycles(facts: ReviewFacts) -> list[Cycle]:
    """Return the hand-written trainings that run for long: 10 epochs over a loader, or 1000 counted steps.

    A function that nothing in the source calls, and a training whose length is not known, are left out.
    """
    return [one for one in facts.cycles if one.repeated and one.step.entry == "<module>" and _is_long(one)]


def _is_long(cycle: Cycle) -> bool:
    epochs = cycle.training.epochs
    if epochs is not None:
        return epochs.known and epochs.low >= LONG_EPOCHS
    counts = [one.count.value for one in cycle.step.loops if isinstance(one.count, Const)]
    return any(isinstance(count, int) and count >= LONG_STEPS for count in counts)


def length_of(cycle: Cycle) -> str:
    """How long a training is, in words: `40 epochs`."""
    epochs = cycle.training.epochs
    if epochs is not None and epochs.known:
        return f"{epochs.low:g} epochs"
    counts = [one.count.value for one in cycle.step.loops if isinstance(one.count, Const)]
    return f"{max(counts)} steps" if counts else "a training"


def called(events: tuple[Event, ...] | list[Event], *words: str) -> str:
    """The first function called whose name holds one of these words, or ""."""
    for event in events:
        if event.kind in ("call", "escape"):
            path = event.data.get("path") or event.data.get("name") or ""
            tail = path.lower().rpartition(".")[2]
            if any(word in tail for word in words):
                return path
    return ""
