"""inspect: a model, an optimizer, a scheduler, a loader or a checkpoint file, laid open."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from nbtrain import units
from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError
from nbtrain.report.model import Cell, KeyValues, Report, Section, Table, Text

if TYPE_CHECKING:
    from nbtrain.notebook.seen_shapes import SeenShapes

FILES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".pkl", ".pickle", ".tar")
SHOWN_MODULES = 200  # rows of the text form; the widget shows all
_NOTHING = object()

Named = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Inspection:
    """Objects to look at. A notebook shows it as a widget that follows them; anywhere else it is a report.

    Attributes:
        model: a model or None; model_name: what the notebook calls it.
        optimizers, schedulers, loaders: (name, object) each.
        output_shapes: module path -> output shape as a run or a look with one batch has seen it; a
            `SeenShapes` also says where they are from, or why there are none.
        samples: name of a loader -> one batch of it, for shapes and ranges.
    """

    model: Any = None
    model_name: str = ""
    optimizers: Named = ()
    schedulers: Named = ()
    loaders: Named = ()
    output_shapes: SeenShapes | None = None
    samples: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def report(self) -> Report:
        """Return what the objects hold now, as tables."""
        from nbtrain.notebook.describe import describe_loader, describe_optimizer, describe_scheduler
        from nbtrain.notebook.described import described

        sections = []
        if self.model is not None:
            seen = self.output_shapes
            told = described(self.model, dict(self.optimizers), seen)
            sections.append(_model_section(self.model_name, told, seen.said if seen else ""))
        sections += [_optimizer_section(describe_optimizer(one, name)) for name, one in self.optimizers]
        sections += [_scheduler_section(describe_scheduler(one, name)) for name, one in self.schedulers]
        for name, loader in self.loaders:
            sections.append(_loader_section(describe_loader(loader, name, self.samples.get(name))))
        return Report("Inspection", tuple(sections))

    def __repr__(self) -> str:
        return self.report().to_text()


def _model_section(name: str, told: dict[str, Any], said: str) -> Section:
    listed = told["modules"][:SHOWN_MODULES]
    head = KeyValues(
        (
            ("Class", told["class"]),
            ("Parameters", units.count(told["total_params"])),
            ("Trainable", units.count(told["trainable_params"])),
            ("Modules", units.count(len(told["modules"]))),
        )
    )
    columns = ("Module", "Class", "Output", "Own", "Total", "Dtype", "Device", "State", "Held by")
    table = Table(columns, tuple(map(_module_row, listed)), numeric=(3, 4))
    rest = len(told["modules"]) - len(listed)
    more = [Text(f"and {units.counted(rest, 'more module')}", "muted")] if rest else []
    more += [Text(said, "muted")] if said else []
    return Section(_titled("Model", name), (head, table, *more))


def _module_row(row: list[Any]) -> tuple[Cell | str, ...]:
    path, depth, kind, own, total, dtype, device, state, shared, held, shape = row
    remarks = [f"shared with {shared}" if shared else "", "in no optimizer" if held == "none" else held]
    where = Cell(("  " * depth) + (path or "(model)"), code=True)
    said = ", ".join(remark for remark in remarks if remark)
    return where, kind, shape or "–", units.count(own), units.count(total), dtype, device, state, said


def _optimizer_section(told: dict[str, Any]) -> Section:
    every = dict.fromkeys(key for group in told["groups"] for key in group)
    # as on the page: a switch that is off in every group says nothing
    held = {key: [group.get(key) for group in told["groups"]] for key in every}
    keys = [key for key in every if not all(value is None or value is False for value in held[key])]
    rows = tuple(
        (str(place), *(_short(group.get(key)) for key in keys)) for place, group in enumerate(told["groups"])
    )
    table = Table(("Group", *(key.replace("_", " ") for key in keys)), rows)
    return Section(_titled("Optimizer", told["name"], told["class"]), (table,))


def _scheduler_section(told: dict[str, Any]) -> Section:
    ahead = ", ".join(units.number(lr) for lr in told["lrs"][:8])
    rows = (("Rate now", units.number(told["now"])), ("Next", ahead))
    return Section(_titled("Scheduler", told["name"], told["class"]), (KeyValues(rows),))


def _loader_section(told: dict[str, Any]) -> Section:
    rows = [
        (key.replace("_", " ").capitalize(), _short(value))
        for key, value in told.items()
        if key not in ("name", "class", "sample") and value not in (None, "")
    ]
    for part in told["sample"]:
        spread = f", {_short(part['min'])} to {_short(part['max'])}" if part["min"] is not None else ""
        shape = "" if part["shape"] is None else tuple(part["shape"])
        rows.append((f"Sample: {part['field']}", f"{shape} {part['dtype']}{spread}".strip()))
    return Section(_titled("Loader", told["name"], told["class"]), (KeyValues(tuple(rows)),))


def _titled(role: str, name: str, kind: str = "") -> str:
    return f"{role}: {name} ({kind})" if name and kind else f"{role}: {name or kind}".rstrip(": ")


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else str(value)


def inspect(
    thing: Any, name: str = "", *, data: Any = None, namespace: Mapping[str, Any] | None = None, **file: Any
) -> Any:
    """Look at a model, an optimizer, a scheduler, a loader, a run, or a checkpoint on disk.

    Args:
        thing: the object, or the path of a checkpoint file or folder.
        name: what the notebook calls it; found in `namespace` when left out.
        data: a loader or one batch to find a model's output shapes with. None takes the first loader of
            `namespace` that fits. Nothing is computed where torch can tell shapes without, and nothing of
            model, loader or random generators changes; while a run trains nothing is looked for.
        namespace: where to look for names, for loaders, and for the optimizers of a model, so that it can
            be said who holds its parameters. None takes the caller's globals: in a notebook, its variables.
        **file: for a path: model (its names and shapes are compared), against (another checkpoint, before
            this one), trust (load it in full although it runs code: False).

    Returns:
        An Inspection, which a notebook shows as a widget; a Report for a path.

    Raises:
        UsageError: it is none of these.
    """
    import torch

    if isinstance(thing, Path) or (isinstance(thing, str) and _looks_like_a_path(thing)):
        from nbtrain.checkpoints.inspecting import inspect_checkpoint

        return inspect_checkpoint(thing, name=name or "model", **file)
    known = sys._getframe(1).f_globals if namespace is None else namespace
    name = name or _name_of(thing, known)
    if hasattr(thing, "objects") and hasattr(thing.objects, "train_loader"):
        return _inspect_work(thing.objects)
    if isinstance(thing, torch.nn.Module):
        shapes = _shapes_of(thing, data, known)
        return Inspection(thing, name, optimizers=_optimizers_of(thing, known), output_shapes=shapes)
    if hasattr(thing, "param_groups"):
        return Inspection(optimizers=((name or "optimizer", thing),))
    if hasattr(thing, "step") and hasattr(thing, "optimizer"):
        its = _name_of(thing.optimizer, known) or "optimizer"
        return Inspection(optimizers=((its, thing.optimizer),), schedulers=((name or "scheduler", thing),))
    if _is_loader(thing):
        loaders = ((name or "loader", thing),)
        return Inspection(loaders=loaders, samples=_samples(loaders))
    from nbtrain.notebook.wording import say

    said = f"`{name}`" if name else "That"
    raise UsageError(
        f"{said} is {say(thing)}; I can inspect a model, an optimizer, a scheduler, a loader or a"
        " run of this kernel.",
        suggestion="For example: %train inspect model",
    )


def _name_of(thing: Any, known: Mapping[str, Any]) -> str:
    return next((key for key, value in known.items() if value is thing and key[:1] != "_"), "")


def _shapes_of(model: Any, data: Any, known: Mapping[str, Any]) -> SeenShapes:
    from nbtrain.notebook.loaders import likely_loaders
    from nbtrain.train.shapes import find_shapes

    if data is None:
        return find_shapes(model, tuple((one.name, one.value) for one in likely_loaders(known)))
    return find_shapes(model, ((_name_of(data, known) or "data", data),))


def _is_loader(thing: Any) -> bool:
    """Say whether a thing gives batches again and again; tables, arrays and iterators are something else."""
    if hasattr(thing, "dataset"):
        return hasattr(type(thing), "__iter__")
    package = type(thing).__module__.partition(".")[0]
    odd = isinstance(thing, (str, bytes, Mapping, type)) or hasattr(type(thing), "__next__")
    return hasattr(type(thing), "__iter__") and not odd and package not in ("torch", "numpy", "pandas")


def _samples(loaders: Named) -> dict[str, Any]:
    """Return one batch of each loader that can be looked at without consuming it.

    Not while a run trains: drawing a batch sets random generators back, which the training thread shares.
    """
    from nbtrain.notebook.sample import sample_batch
    from nbtrain.running import active

    found: dict[str, Any] = {}
    if active.alive():
        return found
    for name, loader in loaders:
        try:
            found[name] = sample_batch(loader)
        except Exception:  # their data set's own trouble is the training's to show; here a row less is shown
            continue
    return found


def _inspect_work(work: Any) -> Inspection:
    def pair(role: str, value: Any) -> Named:
        return ((work.names.get(role) or role, value),) if value is not None else ()

    from nbtrain.notebook.seen_shapes import SeenShapes

    loaders = pair("train", work.train_loader) + pair("val", work.val_loader)
    return Inspection(
        work.model,
        work.names.get("model", ""),
        pair("optimizer", work.optimizer),
        pair("scheduler", work.scheduler),
        loaders,
        SeenShapes.of(work.model, work.output_shapes),
        _samples(loaders),
    )


def _optimizers_of(model: Any, namespace: Mapping[str, Any]) -> Named:
    """The notebook's optimizers that hold a parameter of the model, each object once."""
    import torch

    found: dict[int, tuple[str, Any]] = {}
    for name, value in namespace.items():
        if not name.startswith("_") and isinstance(value, torch.optim.Optimizer):
            held = {id(p) for group in value.param_groups for p in group["params"]}
            if any(id(p) in held for p in model.parameters()):  # the first of them, as a rule
                found.setdefault(id(value), (name, value))
    return tuple(found.values())


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.notebook.namespace import find_setup

    if args.name is not None and _is_path(args.name, context):
        return _of_file(args, context)
    if context.namespace is None:
        raise UsageError(
            "`inspect` looks at objects of a notebook, and a terminal has none; here it needs a checkpoint.",
            suggestion="nbtrain inspect model.pt or runs/NAME. In a notebook: %train inspect model.",
        )
    data = None if args.data is None else _look_up(args.data, context)
    if args.name is not None:
        return inspect(_look_up(args.name, context), args.name, data=data, namespace=context.visible())
    try:
        setup = find_setup(context.visible(), loss=False)
    except UsageError as error:
        return _inspect_without_setup(error, data, context.visible())

    def pair(part: Any) -> Named:
        return ((part.name, part.value),) if part is not None else ()

    loaders = pair(setup.train) + pair(setup.val)
    return Inspection(
        setup.model.value,
        setup.model.name,
        pair(setup.optimizer),
        pair(setup.scheduler),
        loaders,
        _shapes_of(setup.model.value, data if data is not None else setup.train.value, context.visible()),
        _samples(loaders),
    )


def _is_path(word: str, context: Context) -> bool:
    """Say whether a word is a file rather than a variable."""
    if word.split(".")[0] in (context.namespace or {}):
        return False
    return _looks_like_a_path(word)


def _looks_like_a_path(word: str) -> bool:
    return "/" in word or Path(word).suffix in FILES or Path(word).expanduser().exists()


def _of_file(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.checkpoints.inspecting import inspect_checkpoint

    if args.model is not None and context.namespace is None:
        raise UsageError("--model names a variable of a notebook, and a terminal has none.")
    model = _look_up(args.model, context) if args.model is not None else None
    return inspect_checkpoint(
        args.name, model=model, name=args.model or "model", against=args.against, trust=args.trust
    )


def _inspect_without_setup(error: UsageError, data: Any, known: Mapping[str, Any]) -> Inspection:
    """Show the one model and what lies beside it where a run could not begin, and say why it could not.

    Raises:
        UsageError: the error itself, where there is not exactly one model to show.
    """
    from nbtrain.notebook.candidates import collect
    from nbtrain.notebook.modules import parameters_of
    from nbtrain.notebook.seen_shapes import SeenShapes

    found = collect(known)
    models = [one for one in found.models if parameters_of(one.value)]
    if len(models) != 1:
        raise error
    model = models[0]
    if data is not None:
        shapes = _shapes_of(model.value, data, known)
    else:
        shapes = SeenShapes.of(model.value, {}, f"Output shapes are left out: {error.message}")
    loaders = tuple((one.name, one.value) for one in found.loaders)
    optimizers = tuple((one.name, one.value) for one in found.optimizers)
    return Inspection(model.value, model.name, optimizers, (), loaders, shapes, _samples(loaders))


def _look_up(name: str, context: Context) -> Any:
    """Return what a name of the notebook, or a way such as `trainer.model`, leads to."""
    known = context.namespace or {}
    if name in known:
        return known[name]
    first, *rest = name.split(".")
    value = known.get(first, _NOTHING)
    for part in rest:
        value = getattr(value, part, _NOTHING)
    if value is _NOTHING:
        own = [one for one in context.visible() if not isinstance(known.get(one), ModuleType)]
        close = difflib.get_close_matches(name, own, n=1)
        raise UsageError(
            f"There is no variable `{name}` in this notebook.",
            suggestion=f"Did you mean `{close[0]}`?" if close else "For example: %train inspect model",
        )
    return value


COMMAND = Command(
    "inspect",
    "look at a model, optimizer, scheduler, loader or checkpoint",
    _run,
    (
        Argument(
            ("name",), "an object, or a checkpoint file or folder; all a run would use when left out",
            metavar="NAME|FILE",
        ),
        Argument(("--data",), "loader or batch to find a model's output shapes with", metavar="NAME"),
        Argument(("--model",), "model to compare a checkpoint's names and shapes with", metavar="NAME"),
        Argument(("--against",), "an earlier checkpoint: which layers moved since", metavar="FILE"),
        Argument(("--trust",), "load a checkpoint in full although its pickle runs code", bool),
    ),
    with_objects=(
        "",
        "model",
        "model --data train_loader",
        "trainer.model",
        "optimizer",
        "train_loader",
        "runs/mine --model model",
    ),
    examples=("new.pt --against old.pt",),
)
