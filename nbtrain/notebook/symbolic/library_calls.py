"""What calls of imported functions give.

Plain Python helpers are worked out, training objects are written down.
"""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

from nbtrain.notebook.symbolic.library import category, root_of, tail_of
from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.values import (
    Choice,
    Class,
    Const,
    Func,
    Made,
    Map,
    Member,
    Obj,
    Partial,
    Ref,
    Seq,
    Term,
    Value,
    choose,
    name_of,
)  # fmt: skip

NAMESPACES = frozenset(
    "SimpleNamespace Namespace EasyDict ConfigDict AttrDict Munch DotMap Box edict Config CfgNode".split()
)
PURE: dict[str, Callable[..., Any]] = {
    "builtins.int": int,
    "builtins.float": float,
    "builtins.abs": abs,
    "builtins.round": round,
    "builtins.min": min,
    "builtins.max": max,
    "builtins.bool": bool,
    "builtins.str": str,
    "math.sqrt": math.sqrt,
    "math.log": math.log,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.exp": math.exp,
    "math.cos": math.cos,
    "math.log2": math.log2,
    "math.log10": math.log10,
    "numpy.cos": math.cos,
    "numpy.exp": math.exp,
    "numpy.sqrt": math.sqrt,
    "numpy.log": math.log,
}
MADE = frozenset(
    "optimizer scheduler loader other-loader scaler autocast recurrent attention norm weighted loss "
    "hf-arguments "
    "hf-trainer lightning-trainer accelerator fabric pretrained distributed engine environment "
    "torchvision-model "
    "transformer-model module module-list dataset sampler other-trainer".split()
)
MOST_SETTINGS = 2_000  # values in such a configuration
LONGEST_TEXT = 20_000  # characters of a configuration in a source; longer ones are no settings of a run
WRAPPERS = frozenset(
    "DistributedDataParallel DataParallel FullyShardedDataParallel compile fully_shard".split()
)


def library_call(
    machine: Machine, ref: Ref, args: list[Value], kwargs: dict[str, Value], node: Any, complete: bool
) -> Value | None:
    """Return what a library call gives, or None when it is not followed."""
    path = ref.path
    tail = tail_of(path)
    if path in PURE:
        return _pure(machine, path, args)
    special = SPECIAL.get(path) or SPECIAL.get(tail if root_of(path) != "builtins" else "")
    if special is not None:
        found = special(machine, args, kwargs, node)
        if found is not None:
            return found
    kind = category(path)
    if kind == "attention" and tail[0].islower():
        machine.emit("made", Made(path, [], {}, node), node, category=kind, path=path)
        return machine.term(tail, *args)
    if kind == "loss-value":
        return _loss_value(machine, path, args, kwargs, node)
    if kind in MADE and isinstance(node, ast.Call):
        return _make(machine, path, kind, args, kwargs, node, complete)
    if "clip_grad" in tail or tail in ("clip_grads_with_norm_", "clip_coef_", "unitwise_clip_"):
        machine.emit("clip", args[0] if args else Term(), node, path=path, args=args, kwargs=kwargs)
        return Term("norm")
    if path == "torch._foreach_zero_":
        machine.emit("zero-grad", args[0] if args else Term(), node)
        return Const(None)
    if path in ("torch.autograd.backward", "torch.autograd.grad"):
        machine.emit(
            "backward", args[0] if args else Term(), node, owner="autograd", receiver=Term(), kwargs=kwargs
        )
        return Term("grads")
    if root_of(path) in ("torch", "numpy", "math") and path.count(".") <= 4:
        return machine.term(tail, *_inner(args), *kwargs.values())
    return None


def _inner(args: list[Value]) -> list[Value]:
    return [inner for one in args for inner in (one.items if isinstance(one, Seq) else [one])]


def _make(
    machine: Machine,
    path: str,
    kind: str,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.Call,
    complete: bool,
) -> Value:
    made = Made(path, args, kwargs, node, complete)
    data: dict[str, Any] = {"category": kind, "path": path, "doubtful": machine.doubt > 0}
    if kind == "distributed":
        machine.emit("made", made, node, **data)
        return args[0] if args and tail_of(path) in WRAPPERS else made
    if kind in ("pretrained", "torchvision-model"):
        data["model"] = next(
            (one.value for one in args if isinstance(one, Const) and isinstance(one.value, str)), ""
        )
    machine.emit("made", made, node, **data)
    if kind == "engine":
        return Seq(
            [
                Member(made, "engine"),
                Member(made, "optimizer"),
                Member(made, "loader"),
                Member(made, "scheduler"),
            ]
        )
    return made


def _loss_value(machine: Machine, path: str, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value:
    tags = frozenset(tag for one in args for tag in one.tags if tag in ("fp16", "mixed", "batch"))
    reduction = kwargs.get("reduction")
    if isinstance(reduction, Const) and reduction.value == "sum":
        tags |= {"sum"}
    elif reduction is not None and not (isinstance(reduction, Const) and reduction.value == "mean"):
        tags |= {"opaque"}
    result = machine.term("loss", tags=tags | {"loss"})
    machine.emit("loss", result, node, path=path, args=args, kwargs=kwargs, made=None)
    return result


def _pure(machine: Machine, path: str, args: list[Value]) -> Value:
    if args and all(isinstance(one, Const) and isinstance(one.value, int | float | str) for one in args):
        try:
            value = PURE[path](*(one.value for one in args))  # type: ignore[attr-defined]
        except (TypeError, ValueError, ArithmeticError):
            return Term()
        node = args[0].node if len(args) == 1 else None  # type: ignore[attr-defined]
        return Const(value, node, next((one.origin for one in args if one.origin), ""))  # type: ignore[attr-defined]
    if len(args) == 1 and isinstance(args[0], Choice):
        return choose(_pure(machine, path, [one]) for one in args[0].options)
    return machine.term(name_of(args[0]) if args else "", *args)


def _dict(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value:
    base = args[0] if args else Map({})
    if isinstance(base, Map):
        return Map({**base.items, **kwargs}, base.open)
    if isinstance(base, Term) and base.op is not None and base.op.path == ".state_dict" and not kwargs:
        return base  # another dict with the very same tensors
    return Map(dict(kwargs), open=True)


def _loaded(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    """A configuration written into the source as YAML (of which JSON is a part)."""
    text = args[0].value if args and isinstance(args[0], Const) else None
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        return None
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return _plain(YAML(typ="safe", pure=True).load(text), itertools.count())
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # ruamel's own errors for tags that do not fit their text are among these


def _plain(held: Any, counter: Iterator[int]) -> Value:
    """Read data as values; ValueError for more of them than settings are, as aliases of aliases can make."""
    if next(counter) > MOST_SETTINGS:
        raise ValueError("too many settings")
    if isinstance(held, dict):
        return Map({name: _plain(one, counter) for name, one in held.items() if isinstance(name, str | int)})
    if isinstance(held, list):
        return Seq([_plain(one, counter) for one in held])
    return Const(held) if isinstance(held, str | int | float | bool | None) else Term()


def _bag(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    """SimpleNamespace, EasyDict and their like: attributes from keywords or from a dict."""
    held: dict[str, Value] = {}
    if args and isinstance(args[0], Map):
        held.update({str(name): _as_bag(one) for name, one in args[0].items.items()})
    held.update({name: _as_bag(one) for name, one in kwargs.items()})
    return Obj(None, held) if held or not args else None


def _as_bag(value: Value) -> Value:
    if isinstance(value, Map):
        return Obj(None, {str(name): _as_bag(one) for name, one in value.items.items()}, value.open)
    return value


def _vars(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    return Map(dict(args[0].attrs), open=True) if args and isinstance(args[0], Obj) else None


def _partial(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    return Partial(args[0], args[1:], kwargs, node) if args else None


def _getattr(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    if len(args) < 2:
        return None
    if isinstance(args[1], Const) and isinstance(args[1].value, str):
        found = machine.attribute(args[0], args[1].value, node)
        missing = isinstance(found, Term | Member)
        return args[2] if missing and len(args) > 2 and not isinstance(found, Member) else found
    if isinstance(args[1], Choice):
        return choose(
            _getattr(machine, [args[0], one, *args[2:]], kwargs, node) or Term() for one in args[1].options
        )
    return Term()


def _setattr(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    if len(args) == 3 and isinstance(args[0], Obj) and isinstance(args[1], Const):
        args[0].attrs[str(args[1].value)] = args[2]
    return Const(None)


def _field(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value:
    if "default" in kwargs:
        return kwargs["default"]
    factory = kwargs.get("default_factory")
    if isinstance(factory, Func | Class):
        return machine.call(factory, [], {}, node)
    return Term()


def _config_from(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    """tyro.cli(Config), simple_parsing.parse(Config), HfArgumentParser.

    The defaults of a dataclass or function.
    """
    if args and isinstance(args[0], Class | Func):
        return machine.call(args[0], [], {}, node)
    return None


def _parser(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    return (
        Made("argparse.ArgumentParser", [], {}, node, attrs={"__fields": Map({})})
        if isinstance(node, ast.Call)
        else None
    )


def _hf_parser(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    kinds = args[0].items if args and isinstance(args[0], Seq) else args[:1]
    made = [machine.call(one, [], {}, node) if isinstance(one, Class) else Term("arguments") for one in kinds]
    return Obj(None, {"__parsed": Seq(made)})


def _len(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value:
    one = args[0] if args else Term()
    return (
        Const(len(one.items), node)
        if isinstance(one, Seq | Map) and not one.open
        else Term(f"len {name_of(one)}")
    )


def _wrap_iteration(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    held = [*args, *(kwargs[name] for name in ("iterable", "sequence") if name in kwargs)]
    return Made("builtins.iteration", held, kwargs, node) if held and isinstance(node, ast.Call) else None


def _range(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    return Made("builtins.range", args, {}, node) if isinstance(node, ast.Call) else None


def _amp_decorator(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    return args[0] if args and isinstance(args[0], Made | Func | Obj) else None


def _device(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    return args[0] if args else None


def _deep_copy(machine: Machine, args: list[Value], kwargs: dict[str, Value], node: Any) -> Value | None:
    return _copied(args[0], {}) if args and isinstance(args[0], Obj | Map | Seq | Const | Made) else None


def _copied(value: Value, done: dict[int, Value]) -> Value:
    """An object of its own with the same parts; freezing the copy freezes nothing of the original."""
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, Obj):
        fresh = done[id(value)] = Obj(value.cls, {}, value.open)
        fresh.attrs.update({name: _copied(one, done) for name, one in value.attrs.items()})
    elif isinstance(value, Made):
        made = done[id(value)] = Made(value.path, [], {}, value.node, value.complete, {}, value.tags)
        made.args.extend(_copied(one, done) for one in value.args)
        made.kwargs.update({name: _copied(one, done) for name, one in value.kwargs.items()})
        made.attrs.update({name: _copied(one, done) for name, one in value.attrs.items()})
    elif isinstance(value, Seq):
        done[id(value)] = Seq([_copied(one, done) for one in value.items], value.open)
    elif isinstance(value, Map):
        done[id(value)] = Map({name: _copied(one, done) for name, one in value.items.items()}, value.open)
    return done.get(id(value), value)


SPECIAL: dict[str, Callable[[Machine, list[Value], dict[str, Value], Any], Value | None]] = {
    "builtins.dict": _dict,
    "functools.partial": _partial,
    "yaml.safe_load": _loaded,
    "yaml.load": _loaded,
    "json.loads": _loaded,
    "collections.OrderedDict": _dict,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.vars": _vars,
    "dataclasses.asdict": _vars,
    "dataclasses.field": _field,
    "argparse.ArgumentParser": _parser,
    "tyro.cli": _config_from,
    "simple_parsing.parse": _config_from,
    "fire.Fire": _config_from,
    "draccus.parse": _config_from,
    "typer.run": _config_from,
    "transformers.HfArgumentParser": _hf_parser,
    "builtins.len": _len,
    "builtins.range": _range,
    "builtins.enumerate": _wrap_iteration,
    "builtins.zip": _wrap_iteration,
    "builtins.iter": _wrap_iteration,
    "builtins.list": _wrap_iteration,
    "builtins.reversed": _wrap_iteration,
    "tqdm": _wrap_iteration,
    "track": _wrap_iteration,
    "trange": _range,
    "islice": _wrap_iteration,
    "chain": _wrap_iteration,
    "cycle": _wrap_iteration,
    "progress_bar": _wrap_iteration,
    "master_bar": _wrap_iteration,
    "notebook.tqdm": _wrap_iteration,
    "create": _bag,
    "compile": _amp_decorator,
    "DataParallel": _amp_decorator,
    "deepcopy": _deep_copy,
    "structured": _config_from,
    "torch.device": _device,
    **dict.fromkeys(NAMESPACES, _bag),
}
