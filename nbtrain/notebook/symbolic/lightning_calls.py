"""What a LightningModule's own methods give: its optimizers and schedules are those it configures."""

from __future__ import annotations

from typing import Any

from nbtrain.notebook.symbolic.library import root_of
from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import Func, Map, Member, Obj, Seq, Term, Value, options

CONFIGURES = "configure_optimizers"
# Methods that a LightningModule brings along and that take no part in a step.
HARMLESS = frozenset(
    "toggle_optimizer untoggle_optimizer log log_dict print all_gather save_hyperparameters".split()  # noqa: SIM905
)


def is_lightning(value: Value) -> bool:
    """Whether a value is an instance of a LightningModule of the source."""
    if not isinstance(value, Obj) or value.cls is None:
        return False
    return any(
        root_of(path) == "lightning" and path.endswith("LightningModule")
        for path in value.cls.library_bases()
    )


def configured(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    """`self.optimizers()` and `self.lr_schedulers()`: one object, or a list of several."""
    owner = method.owner
    if not is_lightning(owner):
        return None
    result = _configuration(machine, owner, node)
    wanted = "optimizer" if method.attr == "optimizers" else "scheduler"
    found = [one for one in schedules_and_optimizers(result) if kind_of(one) == wanted]
    if not found:
        return None
    return found[0] if len(found) == 1 else Seq(list(found))


def _configuration(machine: Machine, owner: Value, node: Any) -> Value:
    """What `configure_optimizers` returns, read once, as the entry that Lightning calls it by."""
    method = machine.attribute(owner, CONFIGURES, node)
    if not isinstance(method, Func) or not isinstance(owner, Obj) or owner.cls is None:
        return Term()
    if id(method.node) not in machine.returned:
        machine.returned[id(method.node)] = (CONFIGURES, Term())
        around = machine.entry, machine.loops, machine.guards, machine.frames
        machine.entry, machine.loops, machine.guards, machine.frames = (
            f"{owner.cls.node.name}.{CONFIGURES}", [], [], [],
        )  # fmt: skip
        try:
            machine.call(method, [], {}, node)
        finally:
            machine.entry, machine.loops, machine.guards, machine.frames = around
    return machine.returned[id(method.node)][1]


def schedules_and_optimizers(value: Value) -> list[Value]:
    """Every object in what `configure_optimizers` returns, in order: in lists, tuples and dicts."""
    if isinstance(value, Seq):
        return [inner for one in value.items for inner in schedules_and_optimizers(one)]
    if isinstance(value, Map):
        return [inner for one in value.items.values() for inner in schedules_and_optimizers(one)]
    return list(options(value))
