"""Facts of a source: what its optimizers, schedules, loaders and training steps are, with line numbers.

Takes text and a dict of notebook variables; imports no IPython and executes nothing of the source.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbtrain.notebook.architecture import architecture_of
from nbtrain.notebook.facts import Architecture, LoaderFact, OptimizerFact, Quantity, TrainingFact
from nbtrain.notebook.frameworks import framework_trainings, hf_optimizer
from nbtrain.notebook.ipython_syntax import PlainSource, to_python
from nbtrain.notebook.rates import hand_set
from nbtrain.notebook.schedules import optimizer_behind, schedule_of
from nbtrain.notebook.source_values import optimizer_fact
from nbtrain.notebook.story import Story, cycles_of
from nbtrain.notebook.symbolic.machine import Event, Machine
from nbtrain.notebook.symbolic.parse import parse
from nbtrain.notebook.symbolic.reading import read
from nbtrain.notebook.symbolic.roles import is_scheduler
from nbtrain.notebook.symbolic.values import Const, Made, Obj, Ref, options
from nbtrain.notebook.trace import Trace
from nbtrain.notebook.training import hand_written, loader_of


@dataclass(frozen=True)
class SourceFacts:
    """What a source says of training.

    Attributes:
        text: the source as given; plain: as Python with the same lines.
        optimizers, loaders, trainings: in program order.
        architecture: the network, as far as source and named live models show.
        names: notebook objects the source names and does not make.
        sums_loss: some loss is a sum, so that learning rates are on another scale.
        seeded, evaluates, saves: good practices seen: line of the first, or None.
        unread: sentences on parts that were not read.
        story: what happens in it, in order.
        broken: parts are no Python; running it as it is fails.
    """

    text: str
    plain: PlainSource
    optimizers: tuple[OptimizerFact, ...] = ()
    loaders: tuple[LoaderFact, ...] = ()
    trainings: tuple[TrainingFact, ...] = ()
    architecture: Architecture = field(default_factory=Architecture)
    names: tuple[str, ...] = ()
    sums_loss: bool = False
    practices: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    torch_bound: bool = False
    tree: ast.Module | None = field(default=None, compare=False, repr=False)
    story: Story = field(default_factory=Story, compare=False, repr=False)
    broken: bool = False


def read_source(text: str, namespace: Mapping[str, Any] | None = None) -> SourceFacts:
    """Return the facts of a cell or module.

    Args:
        text: Python, or a cell with IPython syntax.
        namespace: the notebook's variables; only those that the text names and does not set are looked at.
    """
    plain = to_python(text)
    if plain.foreign:
        return SourceFacts(
            text, plain, unread=(f"The cell is `%%{plain.foreign}`, not Python; it was not read.",)
        )
    parsed = parse(plain.text)
    machine, remarks = read(parsed.tree, namespace)
    trace = _trace(machine, plain.text)
    by_hand = hand_written(trace)
    trainings = (*(training for training, _, _ in by_hand), *framework_trainings(trace))
    optimizers = [*trace.optimizers.values()]
    optimizers += [hf_optimizer(trace, event) for event in trace.made("hf-arguments")]
    loaders = [loader_of(machine, e.subject) for e in trace.made("loader") if isinstance(e.subject, Made)]
    return SourceFacts(
        text,
        plain,
        tuple(optimizers),
        tuple(loaders),
        trainings,
        architecture_of(machine),
        tuple(machine.used_live),
        sums_loss=any("sum" in event.subject.tags for event in trace.of("backward")) or _sums(trace),
        practices=tuple(_practices(trace, trainings)),
        unread=(*parsed.unread, *remarks),
        torch_bound=isinstance(machine.module.get("torch"), Ref) or "torch" in (namespace or {}),
        tree=parsed.tree,
        story=Story(trace, tuple(cycles_of(trace, by_hand))),
        broken=bool(parsed.unread),
    )


def _trace(machine: Machine, text: str) -> Trace:
    trace = Trace(machine, {}, "warm" in text.lower())
    for event in machine.events:
        trace.by_kind.setdefault(event.kind, []).append(event)
    for event in trace.made("optimizer"):
        trace.optimizers[id(event.subject)] = _with_schedule(trace, event)
    return trace


def _with_schedule(trace: Trace, event: Event) -> OptimizerFact:
    """The optimizer with what its schedules, or hand-set rates, make of its learning rate."""
    fact = optimizer_fact(trace.machine, event)
    peaks: list[Quantity] = []
    reshaped = ""
    schedules = [one for one in trace.of("instance") if is_scheduler(one.subject) or _named_schedule(one)]
    for other in [*trace.made("scheduler"), *schedules]:
        behind = optimizer_behind(other.subject)
        if behind is None or not any(one is event.subject for one in options(behind)):
            continue
        schedule = schedule_of(trace.machine, other.subject)
        if schedule.peak is not None:
            peaks.append(schedule.peak)
        elif schedule.factor is None:
            reshaped = schedule.cls
        elif schedule.factor != 1.0 and fact.lrs[0].known:
            peaks.append(
                Quantity(
                    tuple(one * schedule.factor for one in fact.lrs[0].values),
                    f"times the factor of {schedule.cls}",
                )
            )
    if not reshaped and (by_hand := hand_set(trace)):
        reshaped = f"the rate set by hand on line {by_hand[0].line}"
    return replace(fact, peak=peaks[0] if peaks else None, reshaped=reshaped)


def _named_schedule(event: Event) -> bool:
    """An instance whose class is named like a schedule: not a trainer that holds the optimizer too."""
    cls = event.subject.cls if isinstance(event.subject, Obj) else None
    return cls is not None and any(word in cls.node.name.lower() for word in ("sched", "warm", "lr", "opt"))


def _sums(trace: Trace) -> bool:
    for event in trace.made("loss"):
        if isinstance(event.subject, Made):
            reduction = event.subject.kwargs.get("reduction")
            if isinstance(reduction, Const) and reduction.value == "sum":
                return True
    return False


def _practices(trace: Trace, trainings: tuple[TrainingFact, ...]) -> list[str]:
    """Sentences on what is done well, each from something seen."""
    found: list[str] = []
    for training in trainings:
        who = training.name or "the optimizer"
        if training.clipped.state == "yes":
            found.append(f"Gradients of `{who}` are limited: {training.clipped.why}.")
        if training.warmed_up.state == "yes":
            found.append(f"The learning rate of `{who}` warms up: {training.warmed_up.why}.")
        elif training.changes_lr.state == "yes":
            found.append(f"The learning rate of `{who}` is scheduled: {training.changes_lr.why}.")
        if training.precision == "fp16" and training.scaled:
            found.append("Half precision goes with a GradScaler.")
        if training.accumulation is not None and training.accumulation.divided.state == "yes":
            found.append(f"Accumulated gradients are averaged: {training.accumulation.divided.why}.")
    for optimizer in trace.optimizers.values():
        if optimizer.cls == "AdamW":
            found.append("AdamW decouples weight decay from the gradient.")
    return list(dict.fromkeys(found))
