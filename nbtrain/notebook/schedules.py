"""What schedulers do to a learning rate.

Whether they warm up, how high they go, whether they change it at all.
"""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbtrain.notebook.facts import NO, UNKNOWN, YES, Answer, Quantity
from nbtrain.notebook.source_values import argument, quantity
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.values import Const, Func, Made, Obj, Scope, Seq, Term, Value

# At these steps a factor function is tried; it warms up when it starts below half of its highest value.
TRIED_STEPS = (0, 1, 10, 100, 500, 1000, 2000, 4000, 10_000)
WARM_START = 0.5
ANY_LENGTH = 1000.0
COMBINED: dict[str, Callable[[Any, Any], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "builtins.max": max, "builtins.min": min,
}  # fmt: skip
ROUNDING = ("builtins.int", "builtins.round", "math.ceil", "math.floor", "builtins.float")
NO_WARMUP = frozenset(
    "StepLR MultiStepLR ExponentialLR PolynomialLR CosineAnnealingLR CosineAnnealingWarmRestarts "
    "ReduceLROnPlateau "
    "get_constant_schedule SWALR".split()
)


@dataclass(frozen=True)
class Schedule:
    """One scheduler.

    `peak`: the highest rate it sets by itself. `factor`: highest multiple of the base rate, or None.
    """

    cls: str
    warmup: Answer
    peak: Quantity | None = None
    factor: float | None = 1.0


def schedule_of(machine: Machine, value: Value) -> Schedule:
    """Return what a scheduler value does."""
    if isinstance(value, Obj):
        cls = value.cls.node.name if value.cls else "scheduler"
        return Schedule(cls, Answer(UNKNOWN, f"what `{cls}` does to the rate could not be read"), factor=None)
    if not isinstance(value, Made):
        return Schedule("scheduler", Answer(UNKNOWN, "the scheduler is made elsewhere"), factor=None)
    cls = tail_of(value.path)
    if cls in ("OneCycleLR", "CyclicLR"):
        return Schedule(
            cls, Answer(YES, cls), quantity(argument(value, "max_lr", 1 if cls == "OneCycleLR" else 2))
        )
    if cls in NO_WARMUP:
        return Schedule(cls, Answer(NO, cls))
    if cls in ("LinearLR", "ConstantLR"):
        start = quantity(argument(value, "start_factor" if cls == "LinearLR" else "factor", 1))
        warms = not start.known or start.low < 1
        return Schedule(cls, Answer(YES if warms else NO, cls))
    if cls in ("SequentialLR", "ChainedScheduler"):
        return _several(machine, value, cls)
    if cls in ("LambdaLR", "MultiplicativeLR"):
        return _from_factors(machine, value, cls)
    return _with_steps(value, cls)


def _several(machine: Machine, value: Made, cls: str) -> Schedule:
    held = argument(value, "schedulers", 1 if cls == "SequentialLR" else 0)
    if not isinstance(held, Seq) or held.open:
        return Schedule(cls, Answer(UNKNOWN, f"the schedulers inside `{cls}` could not be read"))
    inner = [schedule_of(machine, one) for one in held.items]
    states = [one.warmup.state for one in inner]
    state = YES if YES in states else UNKNOWN if UNKNOWN in states else NO
    return Schedule(cls, Answer(state, cls), next((one.peak for one in inner if one.peak), None))


def _from_factors(machine: Machine, value: Made, cls: str) -> Schedule:
    function = argument(value, "lr_lambda", 1)
    if isinstance(function, Seq) and function.items:
        function = function.items[0]
    factors = _factors(machine, function)
    if factors is None or cls == "MultiplicativeLR":
        return Schedule(
            cls, Answer(UNKNOWN, f"the function given to `{cls}` could not be worked out"), factor=None
        )
    warms = _starts_low(factors)
    # One that still rises at the last step tried is as high as the training is long.
    rises = len(factors) > 1 and factors[-1] > max(factors[:-1])
    return Schedule(cls, Answer(YES if warms else NO, cls), factor=None if rises else max(0.0, *factors))


def ramps(machine: Machine, function: Value | None) -> bool | None:
    """Whether a function of the step starts below half of its highest value; None where it cannot be worked
    out."""
    factors = _factors(machine, function)
    return None if factors is None else _starts_low(factors)


def _starts_low(factors: list[float]) -> bool:
    return factors[0] < WARM_START * max(factors) and factors.index(max(factors)) > 0


def _factors(machine: Machine, function: Value | None) -> list[float] | None:
    """What a function gives at the steps that are tried, or None.

    Where it reads lengths of loaders, these are taken as 1,000 batches: the form of a schedule does not
    depend on them.
    """
    if not isinstance(function, Func):
        return None
    scope = function.scope
    taken = {
        name: concrete
        for name in _free_names(function)
        if isinstance(value := scope.get(name), Term) and (concrete := _with_lengths(value)) is not None
    }
    stood_in = Scope(scope)
    stood_in.names.update({name: Const(value) for name, value in taken.items()})
    tried = Func(function.node, stood_in, function.owner)
    found = [_factor(machine, tried, step) for step in TRIED_STEPS]
    return None if None in found else [one for one in found if one is not None]


def _free_names(function: Func) -> set[str]:
    return {one.id for one in ast.walk(function.node) if isinstance(one, ast.Name)}


def _with_lengths(value: Value, depth: int = 0) -> float | None:
    """A number worked out from lengths, each taken as ANY_LENGTH; None for what depends on anything else."""
    if isinstance(value, Const):
        return value.value if isinstance(value.value, int | float) else None
    op = value.op if isinstance(value, Term) else None
    if op is None or depth > 20:
        return None
    if op.path == "builtins.len":
        return ANY_LENGTH
    parts = [_with_lengths(one, depth + 1) for one in op.inputs]
    if any(one is None for one in parts):
        return None
    if op.path in ROUNDING and len(parts) == 1:
        return parts[0]
    if op.path in COMBINED and len(parts) == 2:
        try:
            return COMBINED[op.path](parts[0], parts[1])
        except (ArithmeticError, ValueError):
            return None
    return None


def _factor(machine: Machine, function: Value | None, step: int) -> float | None:
    if not isinstance(function, Func):
        return None
    machine.entered.pop(id(function.node), None)
    found = machine.call(function, [Const(step)], {}, function.node)
    known = isinstance(found, Const) and isinstance(found.value, int | float)
    return float(found.value) if known else None  # type: ignore[union-attr]


def _with_steps(value: Made, cls: str) -> Schedule:
    """The `get_*_schedule_with_warmup` family and other schedulers that name their warm-up."""
    for name in ("num_warmup_steps", "warmup_steps", "warmup_t", "warmup_epochs", "warmup", "warmup_ratio"):
        if name in value.kwargs:
            steps = quantity(value.kwargs[name])
            return Schedule(
                cls, Answer(NO if steps.known and steps.high == 0 else YES, f"{name}={steps.text or '...'}")
            )
    if "warmup" in cls.lower():
        steps = quantity(value.args[1]) if len(value.args) > 1 else Quantity()
        return Schedule(cls, Answer(NO if steps.known and steps.high == 0 else YES, cls))
    if cls == "get_scheduler":
        steps = quantity(value.args[2]) if len(value.args) > 2 else Quantity((0.0,))
        return Schedule(cls, Answer(YES if not steps.known or steps.high > 0 else NO, cls))
    return Schedule(cls, Answer(UNKNOWN, f"what `{cls}` does could not be read"), factor=None)


def optimizer_behind(value: Value) -> Value | None:
    """Return the optimizer a scheduler was given."""
    if isinstance(value, Made):
        return argument(value, "optimizer", 0)
    if isinstance(value, Obj):
        held = value.attrs.get("optimizer")
        return (
            held
            if held is not None
            else next((one for one in value.attrs.values() if isinstance(one, Made)), None)
        )
    return None
