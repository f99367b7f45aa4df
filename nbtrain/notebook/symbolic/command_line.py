"""argparse on paper: the options of a parser and their defaults become the attributes of what it parses."""

from __future__ import annotations

from typing import Any

from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.values import Const, Made, Map, Member, Obj, Ref, Seq, Term, Value


def add_argument(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    fields = method.owner.attrs.get("__fields") if isinstance(method.owner, Made) else None
    flags = [one.value for one in args if isinstance(one, Const) and isinstance(one.value, str)]
    if not isinstance(fields, Map) or not flags:
        return None
    flag = next((one for one in flags if one.startswith("--")), flags[0])
    target = kwargs.get("dest")
    name = str(target.value) if isinstance(target, Const) else flag.lstrip("-").replace("-", "_")
    action = kwargs.get("action")
    default = kwargs.get("default")
    if default is None and isinstance(action, Const) and action.value in ("store_true", "store_false"):
        default = Const(action.value == "store_false")
    required = not flag.startswith("-") or "required" in kwargs
    if isinstance(default, Const):
        default = Const(_typed(default.value, kwargs.get("type")), default.node, f"default of {flag}")
    fields.items[name] = default if default is not None else (Term(name) if required else Const(None))
    return Const(None)


def _typed(value: Any, kind: Value | None) -> Any:
    """argparse passes a text default through `type`."""
    if isinstance(value, str) and isinstance(kind, Ref) and kind.path in ("builtins.float", "builtins.int"):
        try:
            return float(value) if kind.path.endswith("float") else int(value)
        except ValueError:
            return value
    return value


def parse_args(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    fields = method.owner.attrs.get("__fields") if isinstance(method.owner, Made) else None
    if not isinstance(fields, Map):
        return None
    parsed = Obj(None, dict(fields.items))
    return Seq([parsed, Seq([], open=True)]) if method.attr == "parse_known_args" else parsed


def set_defaults(
    machine: Machine, method: Member, args: list[Value], kwargs: dict[str, Value], node: Any
) -> Value | None:
    fields = method.owner.attrs.get("__fields") if isinstance(method.owner, Made) else None
    if isinstance(fields, Map):
        fields.items.update(kwargs)
    return Const(None)
