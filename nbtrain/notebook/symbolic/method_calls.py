"""What calling a method gives when the source does not define it.

`loss.backward()`, `scaler.scale(...)`, `cfg.get(...)`.
"""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, TypeGuard

from nbtrain.notebook.symbolic.bindings import gradient_was_read, uses_gradient_of
from nbtrain.notebook.symbolic.command_line import add_argument, parse_args, set_defaults
from nbtrain.notebook.symbolic.library import category
from nbtrain.notebook.symbolic.lightning_calls import configured
from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.roles import is_model, is_optimizer, is_scheduler, kind_of
from nbtrain.notebook.symbolic.values import (
    Const,
    Func,
    Live,
    Made,
    Map,
    Member,
    Obj,
    Seq,
    Term,
    Value,
    name_of,
)  # fmt: skip

Handler = Callable[[Machine, Member, list[Value], dict[str, Value], Any], "Value | None"]

SAME_OBJECT = frozenset(
    "to cuda cpu train eval half float double bfloat16 requires_grad_ cast_ unwrap_model share_memory "
    "compile "
    "with_format add_argument_group add_mutually_exclusive_group".split()
)
SAME_VALUE = frozenset(
    "mean sum item detach clone squeeze unsqueeze view reshape flatten contiguous float double log exp "
    "pow sqrt neg abs "
    "type_as logits".split()
)
GRADIENT_WRITERS = frozenset(
    (
        "clamp_ clip_ mul_ div_ copy_ add_ sub_ clamp_min_ "
        "clamp_max_ nan_to_num_ renorm_ normal_ masked_fill_"
    ).split()
)
# In place, with a gradient among the arguments: an update of parameters written by hand.
MOVES = frozenset("add_ sub_ copy_ addcdiv_ addcmul_ lerp_".split())
GRADIENT_HOOKS = frozenset(
    "register_hook register_post_accumulate_grad_hook register_full_backward_hook".split()
)


def method_call(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    """Return what a method call gives, writing down what matters to training.

    None when it is not followed.
    """
    name, owner = method.attr, method.owner
    if name in HANDLERS:
        found = HANDLERS[name](machine, method, args, kwargs, node)
        if found is not None:
            return found
    if "clip" in name and ("grad" in name or "norm" in name or kind_of(owner) in ("accelerator", "fabric")):
        machine.emit("clip", args[0] if args else owner, node, path=name, args=args, kwargs=kwargs)
        return Term("norm")
    if name in ("zero_", "fill_") and name_of(owner).removesuffix(".data").endswith("grad"):
        machine.emit("zero-grad", owner, node)
        return Term("grad")
    if name in GRADIENT_WRITERS and "grad" in name_of(owner).rsplit(".", 2)[-1] + name_of(owner):
        machine.emit("grad-edit", owner, node, how=name)
        return Term("grad")
    if name in MOVES and _moves_along(machine, owner, [*args, *kwargs.values()], node):
        machine.emit("hand-step", owner, node)
    if name in GRADIENT_HOOKS:
        machine.emit("grad-hook", owner, node)
        return Term("hook")
    if name in ("train", "eval") and (isinstance(owner, Obj | Live) or is_model(owner)):
        machine.emit("mode", owner, node, train=_mode(name, args, kwargs))
    if name in SAME_OBJECT and (isinstance(owner, Made | Obj | Live) or is_model(owner)):
        return owner
    if name in SAME_VALUE:
        found = machine.term(name_of(owner), owner)
        found.alias = ""
        return Term(found.name, found.tags | {"item"}, found.mods) if name == "item" else found
    return None


def _moves_along(machine: Machine, owner: Value, given: list[Value], node: Any) -> bool:
    """A tensor is moved along its own gradient, or along a sum of it: `p.data.sub_(lr * p.grad)`.

    A sum of the gradients of others, which moves none of them, is no step.
    """
    moved = owner.owner if isinstance(owner, Member) and owner.attr == "data" else owner
    read = [one.owner for value in given for one, _ in behind(value) if _is_gradient(one)]
    for one in read:
        machine.emit("grad-read", one, node)
    written = isinstance(node.func, ast.Attribute) and uses_gradient_of(node.func.value, node)
    return written or gradient_was_read(machine, moved)


def _is_gradient(value: Value) -> TypeGuard[Member]:
    return isinstance(value, Member) and value.attr == "grad"


def _mode(name: str, args: list[Value], kwargs: dict[str, Value]) -> bool | None:
    """Whether `model.train(...)` or `model.eval()` turns training on; None where its argument is not
    known."""
    given = [*args, *kwargs.values()]
    if name == "eval" or not given:
        return name == "train"
    return bool(given[0].value) if isinstance(given[0], Const) else None


def _backward(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    owner = method.owner
    kind = kind_of(owner)
    who = {"accelerator": "accelerate", "fabric": "fabric"}.get(kind, "person")
    if isinstance(owner, Member) and isinstance(owner.owner, Made) and category(owner.owner.path) == "engine":
        who = "deepspeed"
    loss = (
        args[0]
        if args and (who != "person" or "accelerator" in name_of(owner) or "fabric" in name_of(owner))
        else owner
    )
    if loss is not owner and who == "person":
        who = "accelerate" if "accelerator" in name_of(owner) else "fabric"
    machine.emit("backward", loss, node, owner=who, receiver=owner, kwargs=kwargs)
    return Const(None)


def _manual_backward(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    machine.emit(
        "backward", args[0] if args else Term(), node, owner="lightning", receiver=method.owner, kwargs=kwargs
    )
    return Const(None)


def _step(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    owner = method.owner
    if kind_of(owner) == "scaler" or (args and is_optimizer(args[0])):
        machine.emit("optim-step", args[0] if args else owner, node, scaler=owner)
        return Const(None)
    for closure in args:
        if isinstance(closure, Func) and is_optimizer(owner):
            machine.call(closure, [], {}, node)
    if is_optimizer(owner):
        machine.emit("optim-step", owner, node, scaler=None)
    elif is_scheduler(owner):
        machine.emit("sched-step", owner, node, args=args, kwargs=kwargs)
    elif kind_of(owner) == "environment" or name_of(owner).lower().rpartition(".")[2].startswith(
        ("env", "vec_env")
    ):
        machine.emit("env-step", owner, node)
        return Seq([Term("state"), Term("reward"), Term("done"), Term("truncated"), Term("info")], open=True)
    else:
        return None
    return Const(None)


def _event(kind: str) -> Handler:
    def handler(
        machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
    ) -> Value:
        machine.emit(kind, args[0] if args else method.owner, node, owner=method.owner)
        return Const(None)

    return handler


def _zero_grad(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    machine.emit("zero-grad", method.owner, node)
    return Const(None)


def _scale(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    if kind_of(method.owner) != "scaler" and "scaler" not in name_of(method.owner).lower():
        return None
    machine.emit("scale", method.owner, node)
    inner = args[0] if args else Term()
    result = machine.term(name_of(inner), inner)
    return Term(result.name, result.tags | {"scaled"}, result.mods)


def _prepare(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    """Accelerate's `prepare` and Fabric's `setup` give back what they are given."""
    if kind_of(method.owner) not in ("accelerator", "fabric") and not name_of(method.owner).lower().endswith(
        ("accelerator", "fabric")
    ):
        return None
    machine.emit("prepare", method.owner, node)
    return args[0] if len(args) == 1 else Seq(list(args))


def _divide(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    if "grad" in name_of(method.owner):
        machine.emit("grad-edit", method.owner, node, how="div_")
    owner = machine.term(name_of(method.owner), method.owner)
    return Term(owner.name, owner.tags | {"divided"}, owner.mods)


def _multiply(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    if "grad" in name_of(method.owner):
        machine.emit("grad-edit", method.owner, node, how="mul_")
    owner = machine.term(name_of(method.owner), method.owner)
    return Term(owner.name, owner.tags | {"multiplied"}, owner.mods)


def _get(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    owner = method.owner
    if isinstance(owner, Map) and args and isinstance(args[0], Const):
        default = args[1] if len(args) > 1 else Const(None)
        return owner.items.get(args[0].value, default if not owner.open else Term(str(args[0].value)))
    return None


def _update(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    owner = method.owner
    if isinstance(owner, Map):
        given = args[0] if args else Map({})
        if isinstance(given, Map):
            owner.items.update(given.items)
        owner.items.update(kwargs)
        owner.open = owner.open or (isinstance(given, Map) and given.open) or not isinstance(given, Map)
        return Const(None)
    return None


def _items(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    owner = method.owner
    if not isinstance(owner, Map):
        return None
    if method.attr == "copy":
        return Map(dict(owner.items), owner.open)
    pairs: list[Value] = {
        "items": [Seq([Const(key), one]) for key, one in owner.items.items()],
        "keys": [Const(key) for key in owner.items],
        "values": list(owner.items.values()),
    }[method.attr]
    return Seq(pairs, owner.open)


def _append(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    if isinstance(method.owner, Made) and method.owner.path == "torch.nn.ModuleList":
        held = method.owner.args[0] if method.owner.args else Seq([])
        method.owner.args = [held]
        return _append(machine, Member(held, method.attr), args, kwargs, node) or Const(None)
    if isinstance(method.owner, Seq):
        if machine.loops or machine.guards:
            method.owner.open = True
        method.owner.items.extend(
            args if method.attr == "append" else args[0].items if args and isinstance(args[0], Seq) else []
        )
        return Const(None)
    return None


def _fit(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    kind = kind_of(method.owner)
    if kind == "lightning-trainer" or (kind == "hf-trainer" and method.attr == "train"):
        machine.emit("fit", method.owner, node, args=args, kwargs=kwargs)
        return Term("result")
    return None


def _freeze(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    given = args[0] if args else Const(True)
    frozen = isinstance(given, Const) and given.value is False
    machine.emit("freeze" if frozen else "unfreeze", method.owner, node, known=isinstance(given, Const))
    return method.owner


def _save_hyperparameters(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    if isinstance(method.owner, Obj):
        method.owner.attrs["hparams"] = Obj(
            None, {name: one for name, one in machine.parameters.items() if one is not method.owner}
        )
    return Const(None)


def _log_prob(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    machine.emit("log-prob", method.owner, node)
    return machine.term("log_prob", *args)


def _set_learning_rate(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    machine.emit("lr-set", method.owner, node, value=args[0] if args else Term())
    return Const(None)


def _parameters(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value:
    return Term(f"{name_of(method.owner)}.parameters", method.owner.tags, source=method.owner)


HANDLERS: dict[str, Handler] = {
    "parameters": _parameters,
    "backward": _backward,
    "manual_backward": _manual_backward,
    "optimizers": configured,
    "lr_schedulers": configured,
    "step": _step,
    "zero_grad": _zero_grad,
    "scale": _scale,
    "unscale_": _event("unscale"),
    "prepare": _prepare,
    "setup": _prepare,
    "setup_dataloaders": _prepare,
    "setup_module": _prepare,
    "setup_optimizers": _prepare,
    "div": _divide,
    "div_": _divide,
    "true_divide": _divide,
    "mul": _multiply,
    "mul_": _multiply,
    "get": _get,
    "pop": _get,
    "setdefault": _get,
    "update": _update,
    "items": _items,
    "keys": _items,
    "values": _items,
    "copy": _items,
    "append": _append,
    "extend": _append,
    "add_argument": add_argument,
    "parse_args": parse_args,
    "parse_known_args": parse_args,
    "set_defaults": set_defaults,
    "fit": _fit,
    "train": _fit,
    "requires_grad_": _freeze,
    "save_hyperparameters": _save_hyperparameters,
    "log_prob": _log_prob,
    "set_lr": _set_learning_rate,
}
