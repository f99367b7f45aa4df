"""inspect: a model, an optimizer, a scheduler or a loader, laid open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from nbtrain import units
from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError
from nbtrain.report.model import Cell, KeyValues, Report, Section, Table

SHOWN_MODULES = 200  # rows of the text form; the widget shows all


Named = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Inspection:
    """Objects to look at. A notebook shows it as a widget that follows them; anywhere else it is a report.

    Attributes:
        model: a model or None; model_name: what the notebook calls it.
        optimizers, schedulers, loaders: (name, object) each.
        output_shapes: module path -> output shape, where a run has seen it.
    """

    model: Any = None
    model_name: str = ""
    optimizers: Named = ()
    schedulers: Named = ()
    loaders: Named = ()
    output_shapes: Mapping[str, str] = field(default_factory=dict)

    def report(self) -> Report:
        """Return what the objects hold now, as tables."""
        from nbtrain.notebook.describe import (
            describe_loader,
            describe_model,
            describe_optimizer,
            describe_scheduler,
        )

        sections = []
        if self.model is not None:
            shapes = dict(self.output_shapes)
            sections.append(
                _model_section(
                    describe_model(self.model, optimizers=dict(self.optimizers), output_shapes=shapes)
                )
            )
        sections += [
            _optimizer_section(describe_optimizer(optimizer, name)) for name, optimizer in self.optimizers
        ]
        sections += [
            _scheduler_section(describe_scheduler(scheduler, name)) for name, scheduler in self.schedulers
        ]
        sections += [_loader_section(name, describe_loader(loader, name)) for name, loader in self.loaders]
        return Report("Inspection", tuple(sections))

    def __repr__(self) -> str:
        return self.report().to_text()


def _model_section(told: dict[str, Any]) -> Section:
    rows = []
    for path, depth, kind, own, total, dtype, device, state, shared, held, shape in told["modules"][
        :SHOWN_MODULES
    ]:
        remarks = [f"shared with {shared}" if shared else "", "in no optimizer" if held == "none" else held]
        where = Cell(("  " * depth) + (path or "(model)"), code=True)
        rows.append(
            (
                where,
                kind,
                shape or "–",
                units.count(own),
                units.count(total),
                dtype,
                device,
                state,
                ", ".join(r for r in remarks if r),
            )
        )
    total, trainable = units.count(told["total_params"]), units.count(told["trainable_params"])
    head = KeyValues(
        (
            ("Class", told["class"]),
            ("Parameters", total),
            ("Trainable", trainable),
            ("Modules", units.count(len(told["modules"]))),
        )
    )
    columns = ("Module", "Class", "Output", "Own", "Total", "Dtype", "Device", "State", "Held by")
    return Section("Model", (head, Table(columns, tuple(rows), numeric=(3, 4))))


def _optimizer_section(told: dict[str, Any]) -> Section:
    keys = [key for key in told["groups"][0] if told["groups"][0][key] is not None] if told["groups"] else []
    rows = tuple(
        (str(place), *(_short(group.get(key)) for key in keys)) for place, group in enumerate(told["groups"])
    )
    return Section(f"Optimizer: {told['class']}", (Table(("Group", *keys), rows),))


def _scheduler_section(told: dict[str, Any]) -> Section:
    ahead = ", ".join(units.number(lr) for lr in told["lrs"][:8])
    return Section(
        "Scheduler",
        (KeyValues((("Class", told["class"]), ("Rate now", units.number(told["now"])), ("Next", ahead))),),
    )


def _loader_section(name: str, told: dict[str, Any]) -> Section:
    rows = [
        (key.replace("_", " "), _short(value)) for key, value in told.items() if key not in ("name", "sample")
    ]
    rows += [
        (f"sample {part['field']}", f"{part['shape']} {part['dtype']}") for part in told.get("sample") or ()
    ]
    return Section(f"Loader {name}", (KeyValues(tuple(rows)),))


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else str(value)


def inspect(thing: Any, name: str = "", *, namespace: Mapping[str, Any] | None = None) -> Inspection:
    """Look at a model, an optimizer, a scheduler, a loader, or a run.

    Args:
        thing: the object. name: what the notebook calls it.
        namespace: where to look for the optimizers of a model, so that it can be said who holds its
        parameters.

    Raises:
        UsageError: it is none of these.
    """
    import torch

    if hasattr(thing, "objects") and hasattr(thing.objects, "train_loader"):
        return _inspect_work(thing.objects)
    if isinstance(thing, torch.nn.Module):
        return Inspection(thing, name, optimizers=_optimizers_of(thing, namespace or {}))
    if isinstance(thing, torch.optim.Optimizer):
        return Inspection(optimizers=((name or "optimizer", thing),))
    if hasattr(thing, "step") and hasattr(thing, "optimizer"):
        return Inspection(
            optimizers=(("optimizer", thing.optimizer),), schedulers=((name or "scheduler", thing),)
        )
    if hasattr(thing, "__iter__") and (hasattr(thing, "dataset") or isinstance(thing, (list, tuple))):
        return Inspection(loaders=((name or "loader", thing),))
    raise UsageError(
        f"{f'`{name}`' if name else 'That'} is a {type(thing).__name__}; I can inspect a model, an optimizer, a scheduler, "
        "a loader or a run.",
        suggestion="%train inspect model",
    )


def _inspect_work(work: Any) -> Inspection:
    def pair(role: str, value: Any) -> Named:
        return ((work.names.get(role) or role, value),) if value is not None else ()

    return Inspection(
        work.model, work.names.get("model", ""), pair("optimizer", work.optimizer), pair("scheduler", work.scheduler),
        pair("train", work.train_loader) + pair("val", work.val_loader), work.output_shapes,
    )  # fmt: skip


def _optimizers_of(model: Any, namespace: Mapping[str, Any]) -> Named:
    """The notebook's optimizers that hold a parameter of the model, each object once."""
    import torch

    mine = {id(p) for p in model.parameters()}
    found: dict[int, tuple[str, Any]] = {}
    for name, value in namespace.items():
        if not name.startswith("_") and isinstance(value, torch.optim.Optimizer):
            held = {id(p) for group in value.param_groups for p in group["params"]}
            if held & mine:
                found.setdefault(id(value), (name, value))
    return tuple(found.values())


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.notebook.namespace import find_setup

    if context.namespace is None:
        raise UsageError(
            "`inspect` looks at objects of a notebook, and a terminal has none.",
            suggestion="Use %train inspect model in a notebook.",
        )
    if args.name is not None:
        if args.name not in context.namespace:
            raise UsageError(f"`{args.name}` is no name of this notebook.", suggestion="%train inspect model")
        return inspect(context.namespace[args.name], args.name, namespace=context.namespace)
    setup = find_setup(
        {name: value for name, value in context.namespace.items() if name not in context.hidden}
    )

    def pair(part: Any) -> Named:
        return ((part.name, part.value),) if part is not None else ()

    loaders = pair(setup.train) + pair(setup.val)
    return Inspection(
        setup.model.value, setup.model.name, pair(setup.optimizer), pair(setup.scheduler), loaders
    )


COMMAND = Command(
    "inspect", "look at a model, an optimizer, a scheduler or a loader", _run,
    (Argument(("name",), "name of the object; everything a run would use when left out", metavar="NAME"),),
)  # fmt: skip
