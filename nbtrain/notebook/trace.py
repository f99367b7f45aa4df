"""The events of a reading, by kind and by place, with what several questions share."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbtrain.notebook.facts import OptimizerFact
from nbtrain.notebook.symbolic.machine import Event, Machine


@dataclass
class Trace:
    """The events of a reading, by kind, and what several questions share."""

    machine: Machine
    optimizers: dict[int, OptimizerFact]
    mentions_warmup: bool
    by_kind: dict[str, list[Event]] = field(default_factory=dict)
    by_category: dict[str, list[Event]] = field(default_factory=dict)
    by_place: dict[object, list[Event]] = field(default_factory=dict)

    def of(self, kind: str) -> list[Event]:
        return self.by_kind.get(kind, [])

    def made(self, category: str) -> list[Event]:
        """Where objects of a category are made."""
        if not self.by_category:
            for event in self.of("made"):
                self.by_category.setdefault(event.data["category"], []).append(event)
        return self.by_category.get(category, [])

    def near(self, kind: str, step: Event) -> list[Event]:
        """Events of a kind in the outermost loop of `step`, or in its function when it stands in none."""
        if step.loops:
            return [event for event in self.around(step) if event.kind == kind]
        return [event for event in self.of(kind) if event.entry == step.entry]

    def around(self, step: Event) -> list[Event]:
        """All events of the outermost loop of `step`, or those of its function that stand in no loop, in
        order."""
        if not self.by_place:
            for event in self.machine.events:
                self.by_place.setdefault(_outermost(event), []).append(event)
        return self.by_place.get(_outermost(step), [])


def _outermost(event: Event) -> object:
    return event.loops[0] if event.loops else event.entry
