"""inspect: a model, an optimizer, a scheduler or a loader, laid open."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from nbtrain import units
from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError
from nbtrain.report.model import Cell, KeyValues, Report, Section, Table

SHOWN_MODULES = 200  # rows of the text form; the widget shows all


@dataclass(frozen=True)
class Inspection:
    """Objects to look at, by role. A notebook shows it as a widget that follows them; anywhere else it is a report."""

    model: Any = None
    optimizer: Any = None
    scheduler: Any = None
    loaders: tuple[tuple[str, Any], ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    def report(self) -> Report:
        """Return what the objects hold now, as tables."""
        from nbtrain.notebook.describe import (
            describe_loader,
            describe_model,
            describe_optimizer,
            describe_scheduler,
        )

        names, sections = dict(self.names), []
        if self.model is not None:
            optimizers = {names.get("optimizer") or "optimizer": self.optimizer} if self.optimizer is not None else {}
            sections.append(_model_section(describe_model(self.model, optimizers=optimizers)))
        if self.optimizer is not None:
            sections.append(_optimizer_section(describe_optimizer(self.optimizer, names.get("optimizer", ""))))
        if self.scheduler is not None:
            told = describe_scheduler(self.scheduler, names.get("scheduler", ""))
            ahead = ", ".join(units.number(lr) for lr in told["lrs"][:8])
            sections.append(Section("Scheduler", (KeyValues((("Class", told["class"]), ("Rate now", units.number(told["now"])), ("Next", ahead))),)))
        sections += [_loader_section(name, describe_loader(loader, name)) for name, loader in self.loaders]
        return Report("Inspection", tuple(sections))

    def __repr__(self) -> str:
        return self.report().to_text()


def _model_section(told: dict[str, Any]) -> Section:
    rows = []
    for path, depth, kind, own, total, dtype, device, state, shared, held, shape in told["modules"][:SHOWN_MODULES]:
        remarks = [f"shared with {shared}" if shared else "", "in no optimizer" if held == "none" else held]
        where = Cell(("  " * depth) + (path or "(model)"), code=True)
        rows.append((where, kind, shape or "–", units.count(own), units.count(total), dtype, device, state, ", ".join(r for r in remarks if r)))
    total, trainable = units.count(told["total_params"]), units.count(told["trainable_params"])
    head = KeyValues((("Class", told["class"]), ("Parameters", total), ("Trainable", trainable), ("Modules", units.count(len(told["modules"])))))
    columns = ("Module", "Class", "Output", "Own", "Total", "Dtype", "Device", "State", "Held by")
    return Section("Model", (head, Table(columns, tuple(rows), numeric=(3, 4))))


def _optimizer_section(told: dict[str, Any]) -> Section:
    keys = [key for key in told["groups"][0] if told["groups"][0][key] is not None] if told["groups"] else []
    rows = tuple((str(place), *(_short(group.get(key)) for key in keys)) for place, group in enumerate(told["groups"]))
    return Section(f"Optimizer: {told['class']}", (Table(("Group", *keys), rows),))


def _loader_section(name: str, told: dict[str, Any]) -> Section:
    rows = [(key.replace("_", " "), _short(value)) for key, value in told.items() if key not in ("name", "sample")]
    rows += [(f"sample {part['field']}", f"{part['shape']} {part['dtype']}") for part in told.get("sample") or ()]
    return Section(f"Loader {name}", (KeyValues(tuple(rows)),))


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else str(value)


def inspect(thing: Any, name: str = "") -> Inspection:
    """Look at a model, an optimizer, a scheduler, a loader, or a run.

    Args:
        thing: the object. name: what the notebook calls it.

    Raises:
        UsageError: it is none of these.
    """
    import torch

    if hasattr(thing, "objects") and hasattr(thing.objects, "train_loader"):
        work = thing.objects
        loaders = [(role, loader) for role, loader in (("train", work.train_loader), ("val", work.val_loader)) if loader is not None]
        return Inspection(work.model, work.optimizer, work.scheduler, tuple(loaders), tuple(work.names.items()))
    if isinstance(thing, torch.nn.Module):
        return Inspection(model=thing, names=(("model", name),))
    if isinstance(thing, torch.optim.Optimizer):
        return Inspection(optimizer=thing, names=(("optimizer", name),))
    if hasattr(thing, "step") and hasattr(thing, "optimizer"):
        return Inspection(optimizer=thing.optimizer, scheduler=thing, names=(("scheduler", name),))
    if hasattr(thing, "__iter__") and (hasattr(thing, "dataset") or isinstance(thing, (list, tuple))):
        return Inspection(loaders=((name or "loader", thing),))
    raise UsageError(
        f"{name or 'That'} is a {type(thing).__name__}; I can inspect a model, an optimizer, a scheduler, a loader or a run.",
        suggestion="%train inspect model",
    )


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.notebook.namespace import find_setup

    if context.namespace is None:
        raise UsageError("`inspect` looks at objects of a notebook, and a terminal has none.", suggestion="Use %train inspect model in a notebook.")
    if args.name is not None:
        if args.name not in context.namespace:
            raise UsageError(f"`{args.name}` is no name of this notebook.", suggestion="%train inspect model")
        return inspect(context.namespace[args.name], args.name)
    visible = {name: value for name, value in context.namespace.items() if name not in context.hidden}
    setup = find_setup(visible)
    parts = {role: part.value if (part := getattr(setup, role)) is not None else None for role in ("model", "optimizer", "scheduler")}
    loaders = tuple((part.name, part.value) for part in (setup.train, setup.val) if part is not None)
    names = tuple((role, part.name) for role in ("model", "optimizer", "scheduler") if (part := getattr(setup, role)) is not None)
    return Inspection(**parts, loaders=loaders, names=names)


COMMAND = Command(
    "inspect", "look at a model, an optimizer, a scheduler or a loader", _run,
    (Argument(("name",), "name of the object; everything a run would use when left out", metavar="NAME"),),
)  # fmt: skip
