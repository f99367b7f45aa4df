"""From symbolic values to facts: a number with its place, an optimizer with its settings."""

from __future__ import annotations

import ast
from typing import Any

from nbtrain.notebook.facts import OptimizerFact, Quantity
from nbtrain.notebook.symbolic.library import ADAM_FAMILY, SGD_FAMILY, tail_of
from nbtrain.notebook.symbolic.machine import Event, Machine
from nbtrain.notebook.symbolic.values import Const, Made, Map, Member, Seq, Term, Value, name_of, options

# Defaults of the libraries, read as code: torch 2.x, bitsandbytes and transformers agree on Adam's 1e-3.
DEFAULT_LR = {
    "Adamax": 2e-3,
    "NAdam": 2e-3,
    "RMSprop": 1e-2,
    "Adagrad": 1e-2,
    "Adadelta": 1.0,
    "LBFGS": 1.0,
    "Rprop": 1e-2,
}
COUPLED = frozenset({"Adam", "NAdam", "RAdam", "Adamax"})


def quantity(value: Value | None, text: str = "") -> Quantity:
    """Return a number as a Quantity; unknown unless every option of it is a number."""
    if value is None:
        return Quantity(text=text)
    found: list[Const] = []
    for one in options(value):
        if not (
            isinstance(one, Const) and isinstance(one.value, int | float) and not isinstance(one.value, bool)
        ):
            return Quantity(text=text or name_of(value))
        found.append(one)
    origins = {one.origin for one in found}
    return Quantity(
        tuple(float(one.value) for one in found),
        origins.pop() if len(origins) == 1 else "",
        found[0].node,
        text,
    )


def argument(made: Made, name: str, position: int | None = None) -> Value | None:
    """Return a call's argument by keyword or position."""
    if name in made.kwargs:
        return made.kwargs[name]
    if position is not None and position < len(made.args):
        return made.args[position]
    return None


def family_of(cls: str) -> str:
    return "adam" if cls in ADAM_FAMILY else "sgd" if cls in SGD_FAMILY else "other"


def optimizer_fact(machine: Machine, event: Event) -> OptimizerFact:
    """Return the facts of an optimizer that the source makes."""
    made = event.subject
    assert isinstance(made, Made)
    cls = tail_of(made.path)
    _, name, statement = machine.named.get(id(made), (made, "", None))
    default = Quantity((DEFAULT_LR.get(cls, 1e-3),), "the library's default") if made.complete else Quantity()
    given = argument(made, "lr", 1)
    base = quantity(given) if given is not None else default
    decay_given = argument(made, "weight_decay")
    no_decay = (
        Quantity((0.01 if cls == "AdamW" else 0.0,), "the library's default") if made.complete else Quantity()
    )
    decay = quantity(decay_given) if decay_given is not None else no_decay
    lrs, decays = _groups(made, base, decay)
    momentum_given = argument(made, "momentum", 2 if family_of(cls) == "sgd" else None)
    momentum = (
        quantity(momentum_given) if momentum_given is not None else Quantity((0.0,) if made.complete else ())
    )
    decoupled = cls not in COUPLED or _maybe_true(argument(made, "decoupled_weight_decay"))
    return OptimizerFact(
        name=name,
        cls=cls,
        family=family_of(cls),
        lrs=lrs,
        weight_decay=_largest(decays),
        momentum=momentum,
        decoupled=decoupled,
        doubtful=bool(event.data.get("doubtful")),
        line=event.line,
        key=id(made),
        call=made.node,
        statement=statement,
        parameters=ast.unparse(made.node.args[0])[:200] if made.node.args else "",
    )


def _maybe_true(value: Value | None) -> bool:
    return value is not None and not (isinstance(value, Const) and not value.value)


def _groups(made: Made, base: Quantity, decay: Quantity) -> tuple[tuple[Quantity, ...], list[Quantity]]:
    """Learning rates and decays of the parameter groups: `[{"params": ..., "lr": ...}, ...]`."""
    params = argument(made, "params", 0)
    groups = [one for one in params.items if isinstance(one, Map)] if isinstance(params, Seq) else []
    if not groups or not isinstance(params, Seq):
        return (base,), [decay]
    lrs = tuple(quantity(one.items["lr"]) if "lr" in one.items else base for one in groups)
    decays = [quantity(one.items["weight_decay"]) if "weight_decay" in one.items else decay for one in groups]
    return lrs + ((Quantity(),) if params.open and len(groups) > 1 else ()), decays


def _largest(decays: list[Quantity]) -> Quantity:
    known = [one for one in decays if one.known]
    return max(known, key=lambda one: one.low) if known else Quantity()


def span_text(node: Any, limit: int = 80) -> str:
    """Return an expression's source on one line."""
    return ast.unparse(node)[:limit] if node is not None else ""


def is_unknown(value: Value | None) -> bool:
    return isinstance(value, Term | Member)
