"""What a source does, in the order in which it happens: its training steps, its evaluations, its calls.

Rules ask here and walk no syntax tree. Functions and methods of the source are read where they are called,
loop bodies once; what cannot be told is answered with None or left out, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nbtrain.notebook.facts import TrainingFact
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.library import category, root_of
from nbtrain.notebook.symbolic.machine import Event, Guard, Loop, Machine
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.roles import is_model, is_optimizer, words_of
from nbtrain.notebook.symbolic.values import (
    Class,
    Const,
    Func,
    Live,
    Made,
    Member,
    Obj,
    Term,
    Value,
    name_of,
    options,
)
from nbtrain.notebook.trace import Trace
from nbtrain.notebook.training import hidden_step


@dataclass(frozen=True, eq=False)
class Cycle:
    """One training step that the source takes itself, with everything around it.

    Attributes:
        training: its facts: optimizer, epochs, loader, accumulation, precision.
        step: `optimizer.step()`; backward: the backward pass that feeds it.
        events: all events of its outermost loop, or of its function when it stands in none, in order.
        hidden: a function that gets the model, the optimizer or the loss and is not in the source, or "":
        with one,
            nothing can be called missing.
    """

    training: TrainingFact
    step: Event
    backward: Event
    events: tuple[Event, ...]
    hidden: str = ""

    @property
    def name(self) -> str:
        """The optimizer as the source calls it."""
        return self.training.name or "optimizer"

    @property
    def owner(self) -> str:
        """Who takes the step: person, accelerate, fabric, lightning (by hand) or deepspeed."""
        return self.training.owner

    @property
    def repeated(self) -> bool:
        """Whether something repeats this step: a loop, Lightning, or an optimizer with a closure."""
        by_lightning = self.owner == "lightning" and self.step.entry.endswith(".training_step")
        return bool(self.step.loops) or by_lightning or self.step.node in self.backward.frames

    @property
    def loop(self) -> Loop | None:
        """The innermost loop around both the step and its backward pass: one turn of it is one step."""
        return next((one for one in reversed(self.step.loops) if one in self.backward.loops), None)

    @cached_property
    def models(self) -> tuple[Value, ...]:
        """The models whose parameters the optimizer was given, as far as the source shows; empty if it
        does not."""
        found: list[Value] = []
        for one in options(self.step.subject):
            given = argument(one, "params", 0) if isinstance(one, Made) else None
            parts = [part for part, _ in behind(given)] if given is not None else []
            found += [part.source for part in parts if isinstance(part, Term) and part.source is not None]
        return tuple(found)

    @property
    def scaler(self) -> Value | None:
        """The GradScaler through which the step goes; None without one, or when it is switched off."""
        held = self.step.data.get("scaler")
        if held is None or self.owner != "person":
            return None
        enabled = argument(held, "enabled") if isinstance(held, Made) else None
        return None if isinstance(enabled, Const) and not enabled.value else held

    @property
    def waits(self) -> list[Guard]:
        """The conditions on a count (`% k == 0`) under which the step happens and the backward pass does
        not."""
        shared = {(guard.node, guard.holds) for guard in self.backward.guards}
        return [one for one in self.step.guards if one.mods and (one.node, one.holds) not in shared]

    def of(self, kind: str, *, own: bool = True) -> list[Event]:
        """Return the events of a kind, in order.

        Args:
            own: leave out those that surely concern another optimizer.
        """
        found = [event for event in self.events if event.kind == kind]
        return [event for event in found if not own or self._concerns(event)]

    def _concerns(self, event: Event) -> bool:
        if event.kind not in ("optim-step", "zero-grad", "unscale"):
            return True
        if event.kind != "zero-grad" or is_optimizer(event.subject):
            return holds_it(event.subject, self.step.subject) or not surely_different(
                event.subject, self.step.subject
            )
        if not is_model(event.subject) or not self.models:
            return True
        return not all(surely_different(event.subject, model) for model in self.models)

    def in_turn(self, event: Event) -> bool:
        """Whether an event happens in the loop one turn of which is one step."""
        return self.loop is None or self.loop in event.loops

    def between(self, kind: str, first: Event, last: Event, *, own: bool = True) -> list[Event]:
        """Return the events of a kind that happen after `first` and before `last`, as the source is read."""
        return [event for event in self.of(kind, own=own) if first.at < event.at < last.at]

    def always_with(self, event: Event, other: Event) -> bool:
        """Whether `event` happens under no further condition than `other`, and in the same loops."""
        held = {(guard.node, guard.holds) for guard in other.guards}
        own = {(guard.node, guard.holds) for guard in event.guards}
        return own <= held and set(event.loops) <= set(other.loops)


@dataclass(frozen=True, eq=False)
class Pass:
    """A loop over batches, or a function, in which a model is only run: an evaluation or a prediction.

    Attributes:
        forward: the first run of a model in it; events: everything in it, in order.
        loop: the loop, or None when a function holds it; entry: that function's name, or `<module>`.
        quiet: whether it runs without a graph; None where that depends.
    """

    forward: Event
    events: tuple[Event, ...]
    loop: Loop | None
    entry: str
    quiet: bool | None

    @property
    def line(self) -> int:
        return self.loop.line if self.loop is not None else self.forward.line

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


@dataclass(frozen=True, eq=False)
class SourceModel:
    """A network class of the source with what an instance of it holds.

    Attributes:
        cls: the class; name: its name; line: where it is defined.
        instance: as its constructor leaves it; its `attrs` are layers (`Made`), models (`Obj`), lists
        (`Seq`), ...
        layers: (attribute, layer) of each library layer held directly.
        forward: the class's own forward, or None.
    """

    cls: Class
    instance: Obj

    @property
    def name(self) -> str:
        return self.cls.node.name

    @property
    def line(self) -> int:
        return self.cls.node.lineno

    @property
    def layers(self) -> list[tuple[str, Made]]:
        return [(name, one) for name, one in self.instance.attrs.items() if isinstance(one, Made)]

    @property
    def forward(self) -> Func | None:
        found = next((one.attrs["forward"] for one in self.cls.lineage() if "forward" in one.attrs), None)
        return found if isinstance(found, Func) else None


@dataclass(frozen=True, eq=False)
class Story:
    """Everything that a source does. Empty when there is none."""

    trace: Trace = field(default_factory=lambda: Trace(Machine({}), {}, False))
    cycles: tuple[Cycle, ...] = ()

    def of(self, kind: str) -> list[Event]:
        """Return all events of a kind: made, forward, loss, mode, backward, optim-step, sched-step, clip,
        ..."""
        return self.trace.of(kind)

    def made(self, *categories: str) -> list[Event]:
        """Return where objects of these categories are made: optimizer, scheduler, loader, scaler, module,
        ..."""
        return [event for category in categories for event in self.trace.made(category)]

    def calls(self, *names: str) -> list[Event]:
        """Return the calls of functions (`manual_seed`, `torch.cat`) or methods (`.item`) that are not
        read through.

        Their `data` holds path, args, kwargs and result; a method's object is `subject.owner`.
        """
        found = [event for name in names for event in self._by_tail.get(name.rpartition(".")[2], ())]
        wanted = [event for event in found if any(_fits(event.data["path"], name) for name in names)]
        return sorted(wanted, key=lambda event: event.at)

    @cached_property
    def _by_tail(self) -> dict[str, list[Event]]:
        index: dict[str, list[Event]] = {}
        for event in self.of("call"):
            index.setdefault(event.data["path"].rpartition(".")[2], []).append(event)
        return index

    def returned(self, *names: str) -> list[tuple[Any, Value]]:
        """Return what methods give that a framework's trainer calls by these names: (class, value)."""
        held = self.trace.machine.returned
        classes = self.trace.machine.classes
        found = [(classes.get(node), value) for node, (name, value) in held.items() if name in names]
        return [(cls, value) for cls, value in found if cls is not None and _of_framework(cls)]

    def name_of(self, value: Value) -> str:
        """The name that the source first gives a value, or how it is written."""
        held = self.trace.machine.named.get(id(value))
        return held[1] if held else (value.alias if isinstance(value, Term) else "") or name_of(value)

    @cached_property
    def models(self) -> tuple[SourceModel, ...]:
        """The network classes of the source of which an instance was read, outermost or not."""
        held = self.trace.machine.instances.values()
        return tuple(SourceModel(one.cls, one) for one in held if one.cls is not None and is_model(one))

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """The loops over batches in which a model runs and nothing is trained."""
        return tuple(_passes(self))


def _fits(path: str, name: str) -> bool:
    if name.startswith("."):
        return path == name
    return path == name or (path.endswith(f".{name}") and not path.startswith("."))


def _of_framework(cls: Class) -> bool:
    """Whether a class is one whose methods Lightning or the trainer of transformers calls by their names."""
    paths = cls.library_bases()
    return any(root_of(path) == "lightning" or category(path) == "hf-trainer" for path in paths)


def identities(value: Value) -> set[object]:
    """What a value may be: identities of objects, names of what is made elsewhere."""
    found: set[object] = set()
    for one in options(value):
        if isinstance(one, Live):
            found.add(id(one.obj))
        elif isinstance(one, Made | Obj):
            found.add(id(one))
        elif isinstance(one, Member) and isinstance(one.owner, Made | Obj | Live):
            found.update((inner, one.attr) for inner in identities(one.owner))
        else:
            found.add(words_of(one))
    return found


def may_be_same(left: Value, right: Value) -> bool:
    """Whether two values may be one object. Of what is made elsewhere only the names can be compared."""
    return bool(identities(left) & identities(right))


def surely_different(left: Value, right: Value) -> bool:
    """Whether two values are known to be two objects: both are seen being made, or both go by other names."""
    ours, theirs = identities(left), identities(right)
    comparable = {isinstance(one, str) for one in ours | theirs}
    return len(comparable) == 1 and not ours & theirs


def holds_it(holder: Value, held: Value) -> bool:
    """Whether an object of the source keeps another in an attribute: an optimizer around an optimizer."""
    if not isinstance(holder, Obj):
        return False
    inside = [one for value in holder.attrs.values() for one in options(value)]
    return any(one is other for one in inside for other in options(held))


def cycles_of(trace: Trace, trainings: list[tuple[TrainingFact, Event, Event]]) -> Iterator[Cycle]:
    """Yield the cycle of each hand-written training step."""
    for training, step, backward in trainings:
        yield Cycle(training, step, backward, tuple(trace.around(step)), hidden_step(trace, step))


def _passes(story: Story) -> Iterator[Pass]:
    """Group runs of models by the innermost loop over batches that holds no backward pass."""
    training = {loop for event in story.of("backward") for loop in event.loops[-1:]}
    trained = {event.entry for event in story.of("backward") if not event.loops}
    leads_back = {
        id(one.op.node)
        for event in story.of("backward")
        for one, _ in behind(event.subject, graph=True)
        if isinstance(one, Term) and one.op is not None and one.op.path == "call"
    }
    seen: set[object] = set()
    for forward in story.of("forward"):
        if forward.data.get("nested"):
            continue
        loop = next((one for one in reversed(forward.loops) if one.kind == "loader"), None)
        if loop is None and forward.loops and id(forward.node) not in leads_back:
            loop = forward.loops[-1]  # batches drawn by hand
        if loop is not None and (loop in training or any(loop in one.loops for one in story.of("backward"))):
            continue
        if loop is None and (forward.entry in trained or forward.loops or forward.entry == "<module>"):
            continue
        key: object = (loop or forward.entry, forward.frames[:1])
        if key in seen:
            continue
        seen.add(key)
        held = [
            event
            for event in story.trace.machine.events
            if (loop in event.loops if loop is not None else event.entry == forward.entry)
        ]
        yield Pass(forward, tuple(held), loop, forward.entry, forward.quiet)
