"""What happens to the learning rate of a hand-written training: schedules, warm-up, rates set by hand."""

from __future__ import annotations

import re

from nbtrain.notebook.facts import NO, UNKNOWN, YES, Answer, OptimizerFact
from nbtrain.notebook.schedules import Schedule, optimizer_behind, ramps, schedule_of
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.roles import is_scheduler, kind_of
from nbtrain.notebook.symbolic.values import Live, Made, Member, Obj, Term, options
from nbtrain.notebook.trace import Trace

RATE = re.compile(r"(^|_)(lr|learning_rate|rate|schedule)(_|$)", re.IGNORECASE)


def schedules_for(trace: Trace, optimizer: OptimizerFact | None) -> list[Schedule]:
    """Return every scheduler that may act on `optimizer`."""
    found: list[Schedule] = []
    values = [event.subject for event in trace.made("scheduler")]
    values += [
        event.subject
        for event in trace.of("instance")
        if is_scheduler(event.subject) or _holds_optimizer(event)
    ]
    values += [
        event.subject for event in trace.of("sched-step") if isinstance(event.subject, Term | Member | Live)
    ]
    for value in values:
        behind = optimizer_behind(value)
        other = [one for one in options(behind) if isinstance(one, Made)] if behind is not None else []
        if optimizer is None or not other or any(id(one) == optimizer.key for one in other):
            found.append(schedule_of(trace.machine, value))
    return found


def _holds_optimizer(event: Event) -> bool:
    """An instance of a class with "sched" or "warm" in its name that got an optimizer."""
    made = event.subject
    name = made.cls.node.name.lower() if isinstance(made, Obj) and made.cls else ""
    return any(word in name for word in ("sched", "warm", "lr")) and any(
        kind_of(one) == "optimizer" for one in [*event.data["args"], *event.data["kwargs"].values()]
    )


def hand_set(trace: Trace) -> list[Event]:
    """Learning rates set by hand where training goes on, not once before it."""
    return [event for event in trace.of("lr-set") if event.loops or event.entry != "<module>" or event.frames]


def warmed_up(trace: Trace, step: Event, optimizer: OptimizerFact | None, owner: str) -> Answer:
    answers = [one.warmup for one in schedules_for(trace, optimizer)]
    for one in options(step.subject):
        if isinstance(one, Made) and any("warmup" in name for name in one.kwargs):
            return Answer(YES, "the optimizer warms up by itself")
    if any(one.state == YES for one in answers):
        return next(one for one in answers if one.state == YES)
    by_hand = hand_set(trace)
    ramp = _function_ramps(trace) if by_hand else None
    if ramp is not None and not answers:
        return ramp
    if by_hand and trace.mentions_warmup:
        return Answer(YES, f"the rate is set by hand (line {by_hand[0].line})")
    if any(one.state == UNKNOWN for one in answers):
        if trace.mentions_warmup:
            return Answer(YES, "a warm-up is named in the source")
        return next(one for one in answers if one.state == UNKNOWN)
    if any(event.data.get("how") != "Mult" for event in by_hand):
        return Answer(
            UNKNOWN,
            f"the rate is set by hand on line {by_hand[0].line}; whether it ramps up could not be told",
        )
    return _hidden_schedule(trace, step, owner) or Answer(NO, line=step.line)


def _function_ramps(trace: Trace) -> Answer | None:
    """Whether the one function of the source that is named for rates starts low; None where that is open."""
    named = [(name, one) for name, one in trace.machine.functions if RATE.search(name)]
    numbers = [(name, one, ramps(trace.machine, one)) for name, one in named]
    known = [(name, one, found) for name, one, found in numbers if found is not None]
    if len(known) != 1 or len(named) != 1:
        return None
    name, function, found = known[0]
    said = "starts low" if found else "starts at its highest"
    return Answer(YES if found else NO, f"`{name}` {said}", getattr(function.node, "lineno", None))


def _hidden_schedule(trace: Trace, step: Event, owner: str) -> Answer | None:
    if owner == "deepspeed":
        return Answer(UNKNOWN, "DeepSpeed schedules the rate as its own configuration says")
    handed = [event for event in trace.of("escape") if event.data["optimizer"]]
    if handed:
        return Answer(
            UNKNOWN, f"`{handed[0].data['name'] or 'a function'}` gets the optimizer and is not in the source"
        )
    if isinstance(step.subject, Obj):
        return Answer(UNKNOWN, "the optimizer is a class of its own")
    return None


def changes(trace: Trace, step: Event, optimizer: OptimizerFact | None, owner: str) -> Answer:
    schedules = schedules_for(trace, optimizer)
    if schedules:
        return Answer(YES, schedules[0].cls)
    if by_hand := hand_set(trace):
        return Answer(YES, f"set by hand (line {by_hand[0].line})")
    return _hidden_schedule(trace, step, owner) or Answer(NO, line=step.line)
