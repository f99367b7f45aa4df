"""The learning-rate schedulers of a source: which optimizer each drives, where it is stepped, for how long
it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from nbtrain.notebook.schedules import optimizer_behind
from nbtrain.notebook.source_values import argument, quantity
from nbtrain.notebook.story import Cycle, Story, identities, may_be_same
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.machine import Event, Loop
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import Made, Map, Member, Seq, Term, Value, name_of, options


@dataclass(frozen=True, eq=False)
class ScheduleUse:
    """One scheduler that the source makes.

    Attributes:
        made: where; value: the call; name: what the source calls it.
        optimizer: what it was given; None when that is not known.
        steps: where it is stepped. handed: something else gets it too, so that it may be stepped there.
    """

    made: Event
    value: Made
    name: str
    optimizer: Value | None
    steps: tuple[Event, ...]
    handed: bool

    @property
    def cls(self) -> str:
        return tail_of(self.value.path)

    def argument(self, name: str, position: int | None = None) -> Value | None:
        return argument(self.value, name, position)

    def number(self, name: str, position: int | None = None) -> float | None:
        """Return an argument as the one number that it is, or None."""
        found = quantity(self.argument(name, position))
        return found.values[0] if found.known and len(set(found.values)) == 1 else None


# What Accelerate and Fabric are given, they hand back; they step nothing by themselves.
ONLY_KEEP = (".prepare", ".setup", ".register_for_checkpointing", ".state_dict", "torch.save")
_uses: WeakKeyDictionary[Story, list[ScheduleUse]] = WeakKeyDictionary()  # several rules ask the same


def schedule_uses(story: Story) -> list[ScheduleUse]:
    """Return every scheduler that the source makes by itself, in order."""
    found = _uses.get(story)
    if found is None:
        found = _uses[story] = _schedule_uses(story)
    return found


def _schedule_uses(story: Story) -> list[ScheduleUse]:
    found: list[ScheduleUse] = []
    handed = set(_handed(story)) if story.made("scheduler") else set()
    for event in story.made("scheduler"):
        if not isinstance(event.subject, Made):
            continue
        steps = [one for one in story.of("sched-step") if may_be_same(one.subject, event.subject)]
        name = story.name_of(event.subject) or tail_of(event.subject.path)
        found.append(
            ScheduleUse(
                event,
                event.subject,
                name,
                optimizer_behind(event.subject),
                tuple(steps),
                id(event.subject) in handed,
            )
        )
    return found


def _handed(story: Story) -> Iterator[int]:
    """Identities of the schedulers that other calls get."""
    for event in story.trace.machine.events:
        if event.data.get("path") in ONLY_KEEP:
            continue
        given = [
            *event.data.get("args", ()),
            *event.data.get("kwargs", {}).values(),
            *event.data.get("given", ()),
        ]
        if event.kind == "made" and isinstance(event.subject, Made):
            given = [*event.subject.args, *event.subject.kwargs.values()]
        yield from (id(one) for value in given for one in _inside(value) if kind_of(one) == "scheduler")


def _inside(value: Value) -> list[Value]:
    if isinstance(value, Seq):
        return [inner for one in value.items for inner in _inside(one)]
    if isinstance(value, Map):
        return [inner for one in value.items.values() for inner in _inside(one)]
    return list(options(value))


def cycle_of(use: ScheduleUse, cycles: tuple[Cycle, ...]) -> Cycle | None:
    """Return the training step whose optimizer a scheduler drives, or None."""
    if use.optimizer is None:
        return None
    return next((one for one in cycles if may_be_same(one.step.subject, use.optimizer)), None)


def rhythm(use: ScheduleUse, cycle: Cycle) -> str:
    """Say how often a scheduler is stepped: `step` (with the optimizer), `epoch` (around it), or ""
    (cannot be told).

    With gradients gathered, a scheduler in the loop over batches but outside of the step's condition is
    stepped each `batch`.
    """
    if not use.steps or cycle.loop is None:
        return ""
    step = use.steps[0]
    extra = {(one.node, one.holds) for one in step.guards} - {
        (one.node, one.holds) for one in cycle.step.guards
    }
    if extra:
        return ""  # under a condition of its own, such as every 1,000 steps
    if cycle.loop in step.loops:
        return "batch" if cycle.waits and not _as_rare(step, cycle) else "step"
    return "epoch" if step.loops and set(step.loops) <= set(cycle.step.loops) else ""


def _as_rare(event: Event, cycle: Cycle) -> bool:
    held = {guard.node for guard in event.guards}
    return all(guard.node in held for guard in cycle.waits)


def counts_batches(value: Value | None) -> bool:
    """Whether a number is worked out from the length of a loader: it counts steps, not epochs."""
    if value is None:
        return False
    return any(
        (isinstance(one, Term) and one.op is not None and one.op.path == "builtins.len")
        or (isinstance(one, Member) and one.attr == "estimated_stepping_batches")
        for one, _ in behind(value)
    )


def measured(value: Value | None) -> Value | None:
    """Return what `len(...)` was taken of, when a number is exactly such a length."""
    if (
        isinstance(value, Term)
        and value.op is not None
        and value.op.path == "builtins.len"
        and value.op.inputs
    ):
        return value.op.inputs[0]
    return None


def epoch_loop(cycle: Cycle) -> Loop | None:
    """The loop just around the loop over batches."""
    if cycle.loop is None:
        return None
    at = cycle.step.loops.index(cycle.loop)
    return cycle.step.loops[at - 1] if at else None


def epochs(cycle: Cycle) -> float | None:
    """The number of epochs, when it is one known number."""
    found = cycle.training.epochs
    return found.values[0] if found is not None and found.known and len(set(found.values)) == 1 else None


def same_object(left: Value, right: Value) -> bool:
    return bool(identities(left) & identities(right)) or (
        bool(name_of(left)) and name_of(left) == name_of(right)
    )
