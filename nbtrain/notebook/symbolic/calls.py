"""What a call gives: functions and classes of the source are read through, library calls are written down."""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

import ast

from nbtrain.notebook.symbolic.library import HARMLESS_ROOTS, HARMLESS_WORDS, root_of, tail_of
from nbtrain.notebook.symbolic.library_calls import library_call
from nbtrain.notebook.symbolic.lightning_calls import HARMLESS, is_lightning
from nbtrain.notebook.symbolic.machine import MAX_DEPTH, MAX_ENTRIES_PER_FUNCTION, Machine
from nbtrain.notebook.symbolic.method_calls import method_call
from nbtrain.notebook.symbolic.objects import call_module, call_object
from nbtrain.notebook.symbolic.roles import is_model, is_optimizer, kind_of
from nbtrain.notebook.symbolic.values import (
    Choice,
    Class,
    Const,
    Func,
    Live,
    Made,
    Map,
    Member,
    Obj,
    Partial,
    Ref,
    Scope,
    Seq,
    Term,
    Value,
    choose,
    name_of,
)  # fmt: skip

# What callables by these names return is, or leads to, a mean over the batch.
MEAN_BY_CUSTOM = frozenset(
    "model net network criterion loss_fn loss_func loss_function criterion_fn lossfn".split()
)

# Methods that a framework's trainer calls for what they return.
FOR_TRAINERS = frozenset({"configure_optimizers", "compute_loss", "training_step"})
# Methods that keep or show a loss and do nothing with it.
KEPT = frozenset({"fp16", "mixed", "sum", "batch"})
NOTED_BY = frozenset(
    "append update add extend format put info debug write set_postfix set_description add_scalar push "
    "set_postfix_str warning record insert".split()
)


def call(
    machine: Machine,
    func: Value,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.expr,
    *,
    complete: bool = True,
) -> Value:
    """Return what calling `func` gives.

    `complete`: False when an unresolved `*args` or `**kwargs` went in.
    """
    if isinstance(func, Choice):
        machine.doubt += 1
        try:
            return choose(call(machine, one, args, kwargs, node, complete=complete) for one in func.options)
        finally:
            machine.doubt -= 1
    if isinstance(func, Partial):
        return call(
            machine, func.func, [*func.args, *args], {**func.kwargs, **kwargs}, node, complete=complete
        )
    if isinstance(func, Func):
        return run_function(machine, func, args, kwargs, node)
    if isinstance(func, Class):
        return instantiate(machine, func, args, kwargs, node)
    if isinstance(func, Obj):
        return call_object(machine, func, args, kwargs, node)
    if isinstance(func, Made | Live):
        return call_module(machine, func, args, kwargs, node)
    result = None
    if isinstance(func, Ref):
        result = library_call(machine, func, args, kwargs, node, complete)
    elif isinstance(func, Member):
        result = method_call(machine, func, args, kwargs, node)
    if result is None:
        result = unresolved(machine, func, args, kwargs, node)
    return _written_down(machine, func, args, kwargs, node, result)


def _path_of(func: Value) -> str:
    return func.path if isinstance(func, Ref) else f".{func.attr}" if isinstance(func, Member) else "call"


def _inputs_of(func: Value, args: list[Value]) -> list[Value]:
    if isinstance(func, Ref):
        return args
    return [func.owner if isinstance(func, Member) else func, *args]


def _written_down(
    machine: Machine, func: Value, args: list[Value], kwargs: dict[str, Value], node: ast.expr, result: Value
) -> Value:
    """Note a call that is not read through, and on its result what gave it."""
    path, inputs = _path_of(func), _inputs_of(func, args)
    machine.emit("call", func, node, path=path, args=args, kwargs=kwargs, result=result)
    if isinstance(result, Term) and result.op is None and not any(result is one for one in inputs):
        result.op = machine.operation(path, inputs, node, kwargs=kwargs)
    return result


def unresolved(
    machine: Machine, func: Value, args: list[Value], kwargs: dict[str, Value], node: ast.expr
) -> Value:
    """Write down what an unknown function gets into its hands; its result is unknown."""
    name = name_of(func)
    given = [*args, *kwargs.values()]
    harmless = isinstance(func, Ref) and root_of(func.path) in HARMLESS_ROOTS
    # What Accelerate and Fabric do with a model is known: `accumulate`, `gather`, `no_backward_sync`.
    harmless = harmless or (isinstance(func, Member) and kind_of(func.owner) in ("accelerator", "fabric"))
    harmless = harmless or (isinstance(func, Member) and func.attr in HARMLESS and is_lightning(func.owner))
    if not harmless and not any(word in tail_of(name).lower() for word in HARMLESS_WORDS):
        spread = [one for one in _spread(given) if not isinstance(one, Const)]
        handed = {
            "optimizer": any(is_optimizer(one) for one in spread),
            "model": any(is_model(one) for one in spread),
            "loss": tail_of(name) not in NOTED_BY
            and any("loss" in one.tags and "item" not in one.tags for one in spread),
        }
        if any(handed.values()):
            machine.emit("escape", func, node, name=name, given=given, **handed)
    for one in given:
        if isinstance(one, Func):
            machine.functions.append((getattr(one.node, "name", "lambda"), one))
    tags = (
        frozenset({"opaque"}) if not harmless and tail_of(name).lower() not in MEAN_BY_CUSTOM else frozenset()
    )
    receives_k = frozenset({"given-k"}) if any(_is_count(one) for one in given) else frozenset()
    if is_model(func) and not harmless:
        machine.emit("forward", func, node, args=args, kwargs=kwargs, nested=machine.inside > 0)
    # What a model or a criterion returns is a mean by custom;
    # a division before it says nothing of its result.
    around = frozenset().union(*machine.regions, *(one.tags for one in given))
    found = Term(f"{name}()", tags | receives_k | (around & KEPT))
    found.op = machine.operation(_path_of(func), _inputs_of(func, args), node, kwargs=kwargs)
    return found


def _spread(values: list[Value]) -> list[Value]:
    return [
        inner
        for one in values
        for inner in (
            one.items if isinstance(one, Seq) else one.items.values() if isinstance(one, Map) else [one]
        )
    ]


def _is_count(value: Value) -> bool:
    """An accumulation count by its name or as a whole number above one."""
    if isinstance(value, Const):
        return isinstance(value.value, int) and not isinstance(value.value, bool) and value.value > 1
    return "accum" in name_of(value).lower()


def run_function(
    machine: Machine, func: Func, args: list[Value], kwargs: dict[str, Value], node: ast.expr
) -> Value:
    """Read a function of the source with these arguments."""
    body = func.node
    identity = id(body)
    machine.entered[identity] = machine.entered.get(identity, 0) + 1
    tired = machine.entered[identity] > MAX_ENTRIES_PER_FUNCTION or len(machine.frames) >= MAX_DEPTH
    if identity in machine.running or tired or not machine.spend(8):
        return Term(getattr(body, "name", "lambda") + "()", frozenset({"opaque"}))
    scope = Scope(func.scope)
    bind(machine, func, args, kwargs, scope)
    if getattr(body, "name", "") == "__init__":
        machine.parameters = dict(scope.names)
    quiet = len(machine.quiet)
    if identity in machine.quiet_functions:
        machine.quiet.append(True)
    machine.running.append(identity)
    machine.frames.append(node)
    machine.returns.append([])
    guards = len(machine.guards)
    depth, machine.depth = machine.depth, max(0, machine.depth - 20)
    try:
        if isinstance(body, ast.Lambda):
            return machine.evaluate(body.body, scope)
        machine.execute(body.body, scope)
        found = machine.returns[-1]
    finally:
        machine.depth = depth
        del machine.guards[guards:]
        del machine.quiet[quiet:]
        machine.returns.pop()
        machine.frames.pop()
        machine.running.pop()
    result = choose(found) if found else Const(None)
    if getattr(body, "name", "") in FOR_TRAINERS and not machine.frames:  # as the trainer calls it
        machine.returned[identity] = (body.name, result)
    return result


def bind(machine: Machine, func: Func, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> None:
    """Give the parameters of `func` their values: arguments, defaults, else unknowns by their names."""
    spec = func.node.args
    names = [one.arg for one in [*spec.posonlyargs, *spec.args]]
    given = [func.owner, *args] if func.owner is not None else list(args)
    for name, value in zip(names, given, strict=False):
        scope.names[name] = value
    if spec.vararg:
        scope.names[spec.vararg.arg] = Seq(given[len(names) :])
    defaults = dict(zip(names[len(names) - len(spec.defaults) :], spec.defaults, strict=True))
    keyword_names = [one.arg for one in spec.kwonlyargs]
    defaults.update(
        {name: one for name, one in zip(keyword_names, spec.kw_defaults, strict=True) if one is not None}
    )
    options = _command_line_defaults(machine, func)
    for name in [*names, *keyword_names]:
        if name in kwargs:
            scope.names[name] = kwargs[name]
        elif name not in scope.names and name in options:
            scope.names[name] = options[name]
        elif name not in scope.names and name in defaults:
            value = machine.evaluate(defaults[name], func.scope)
            scope.names[name] = (
                Const(value.value, value.node, f"default of `{name}`") if isinstance(value, Const) else value
            )
        elif name not in scope.names:
            scope.names[name] = Term(name)
    if spec.kwarg:
        scope.names[spec.kwarg.arg] = Map({name: one for name, one in kwargs.items() if name not in names})


def _command_line_defaults(machine: Machine, func: Func) -> dict[str, Value]:
    """Defaults that click or typer options give to a function's parameters."""
    found: dict[str, Value] = {}
    for one in getattr(func.node, "decorator_list", ()):
        if not (
            isinstance(one, ast.Call)
            and isinstance(one.func, ast.Attribute)
            and one.func.attr in ("option", "argument")
        ):
            continue
        flags = [
            part.value for part in one.args if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        default = next((key.value for key in one.keywords if key.arg == "default"), None)
        if flags and default is not None:
            long = next((flag for flag in flags if flag.startswith("--")), flags[0])
            own = next((flag for flag in flags if flag.isidentifier()), "")  # click: a name for the parameter
            value = machine.evaluate(default, func.scope)
            if isinstance(value, Const):
                name = own or long.lstrip("-").split("/")[0].replace("-", "_")
                found[name] = Const(value.value, value.node, f"default of {long}")
    return found


def class_attribute(cls: Class, attr: str) -> Value | None:
    """Return an attribute found in a class or its ancestors in the source."""
    for one in cls.lineage():
        if attr in one.attrs:
            return one.attrs[attr]
    return None


def instantiate(
    machine: Machine, cls: Class, args: list[Value], kwargs: dict[str, Value], node: ast.expr
) -> Value:
    """Make an instance of a source class and read its constructor."""
    made = Obj(cls, open=bool(cls.library_bases()))
    machine.instances[id(cls.node)] = made
    if any(one.record for one in cls.lineage()):
        fill_record(made, args, kwargs)
        starter = class_attribute(cls, "__post_init__")
        args, kwargs = [], {}
    else:
        starter = class_attribute(cls, "__init__")
    if isinstance(starter, Func):
        run_function(machine, Func(starter.node, starter.scope, made), args, kwargs, node)
    elif any(path.endswith(".Optimizer") for path in cls.library_bases()):
        return made
    else:
        made.attrs.update(kwargs)
    machine.emit("instance", made, node, args=args, kwargs=kwargs)
    return made


def fill_record(made: Obj, args: list[Value], kwargs: dict[str, Value]) -> None:
    """Set the fields of a dataclass instance from arguments and defaults."""
    assert made.cls is not None
    names: list[str] = []
    for cls in reversed(list(made.cls.lineage())):
        for statement in cls.node.body:
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and statement.target.id not in names
            ):
                names.append(statement.target.id)
    for name in names:
        value = class_attribute(made.cls, name)
        if isinstance(value, Const):
            value = Const(value.value, value.node, f"default of `{made.cls.node.name}.{name}`")
        made.attrs[name] = value if value is not None else Term(name)
    made.attrs.update(zip(names, args, strict=False))
    made.attrs.update(kwargs)
