"""What schedulers do to a learning rate.

Whether they warm up, how high they go, whether they change it at all.
"""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

from dataclasses import dataclass

from nbtrain.notebook.facts import NO, UNKNOWN, YES, Answer, Quantity
from nbtrain.notebook.source_values import argument, quantity
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.values import Const, Func, Made, Obj, Seq, Value

# At these steps a factor function is tried; it warms up when it starts below half of its highest value.
TRIED_STEPS = (0, 1, 10, 100, 500, 1000, 2000, 4000, 10_000)
WARM_START = 0.5
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
    factors = [_factor(machine, function, step) for step in TRIED_STEPS]
    if any(one is None for one in factors) or cls == "MultiplicativeLR":
        return Schedule(
            cls, Answer(UNKNOWN, f"the function given to `{cls}` could not be worked out"), factor=None
        )
    highest = max(abs(one) for one in factors if one is not None)
    warms = (
        factors[0] is not None
        and abs(factors[0]) < WARM_START * highest
        and factors.index(max(factors, key=lambda x: x or 0)) > 0
    )
    return Schedule(cls, Answer(YES if warms else NO, cls), factor=highest)


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
