"""A checkpoint as a report: is it sound, what is in it, does it fit, what moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from nbtrain import units
from nbtrain.checkpoints.contents import Contents
from nbtrain.checkpoints.difference import Difference, Fit
from nbtrain.report.model import Block, Cell, Code, Items, KeyValues, Note, Report, Section, Table, Text

MOST_ROWS = 40


def checkpoint_report(
    found: Contents, *, fit: Fit | None = None, against: str = "", changed: Difference | None = None
) -> Report:
    """Return the report.

    Args:
        fit: against a model, called `against`. changed: from another checkpoint, called `against`, to this.
    """
    headline, tone = _verdict(found, fit, against)
    sections = [_soundness(found)]
    if found.loadable:
        sections.append(Section("Of it", (_facts(found),)))
    if found.optimizers:
        sections.append(Section("Optimizer", tuple(_optimizer(one) for one in found.optimizers)))
    if found.weights:
        sections.append(Section("Weights by module", (_modules(found.weights),)))
    if fit is not None:
        sections.append(Section(f"Against {against}", tuple(_fit(fit))))
    if changed is not None:
        sections.append(Section(f"What moved since {against}", tuple(_changed(changed))))
    return Report("Checkpoint", tuple(sections), headline, tone, _data(found, fit, changed))


def _verdict(found: Contents, fit: Fit | None, against: str) -> tuple[str, str]:
    name = Path(found.path).name
    if not found.loadable:
        return (
            f"{name} cannot be loaded: {found.problems[0] if found.problems else 'it cannot be read.'}",
            "critical",
        )
    numbers = units.short_count(found.parameters)
    said = f"{name}: {found.format}, {numbers} parameters, {units.size(found.size_bytes)}"
    if found.problems:
        return f"{said}. {found.problems[0]}", "warning"
    if fit is not None and not fit.fits:
        return f"{said}. It does not fit `{against}` as it is.", "warning"
    return f"{said}. It is whole{' and fits `' + against + '`' if fit is not None else ''}.", "good"


def _soundness(found: Contents) -> Section:
    words = {True: "yes", False: "no: it asks for code to be run", None: "could not be told"}
    rows = [
        ("Loadable", "yes" if found.loadable else "no"),
        ("Safe to load", words[found.safe]),
        ("Format", found.format), ("File", Cell(found.path, code=True)),
        ("Size", units.size(found.size_bytes)),
    ]  # fmt: skip
    if found.loadable and (checked := _integrity(found.format)):
        rows.append(("Integrity", checked))
    blocks: list[Block] = [KeyValues(tuple(rows))]
    blocks += [Note(said, "critical" if not found.loadable else "warning") for said in found.problems]
    if found.scan is not None and found.scan.dangerous:
        blocks.append(Text("What its pickle would call, read without running it:", "critical"))
        blocks.append(Code("\n".join(found.scan.calls or found.scan.dangerous), "text"))
    elif found.scan is not None and found.scan.unknown:
        blocks.append(
            Text("Classes it asks for: " + ", ".join(f"`{name}`" for name in found.scan.unknown[:20]))
        )
    if found.previous:
        blocks.append(Note(f"The newest good checkpoint beside it: {found.previous}", "info"))
    return Section("Sound?", tuple(blocks))


def _integrity(form: str) -> str:
    """Say what a file's bytes were held against; "" where a folder has files of several kinds."""
    if form.startswith("nbtrain checkpoint"):
        return "every byte is as it was written: its hashes agree"
    if form.startswith(("pickle", "safetensors", "torch file (before")):
        return "not cut; a changed number is not seen, for this format has no checksums"
    if form.startswith(("torch file", "Lightning")):
        return "every byte is as it was written: its checksums agree"
    return ""


def _facts(found: Contents) -> KeyValues:
    rows: list[tuple[Cell | str, ...]] = [
        ("Epoch", "–" if found.epoch is None else units.count(found.epoch)),
        ("Step", "–" if found.step is None else units.count(found.step)),
        *((key, units.number(value)) for key, value in found.metrics.items()),
        ("Tensors", units.count(len(found.weights))), ("Parameters", units.count(found.parameters)),
        *([("Buffers", f"{units.count(found.buffers)}, of normalisation layers")] if found.buffers else ()),
        ("Types", ", ".join(f"{kind} {units.percent(n, 0)}" for kind, n in _types(found.weights)) or "–"),
        *((f"Also `{key}`", f"{count} tensors") for key, count in found.parts.items()),
        *((key, value) for key, value in list(found.other.items())[:MOST_ROWS]),
    ]  # fmt: skip
    return KeyValues(tuple(rows))


def _types(weights: Mapping[str, Tensor]) -> list[tuple[str, float]]:
    counts: dict[str, int] = defaultdict(int)
    for one in weights.values():
        counts[str(one.dtype).removeprefix("torch.")] += one.numel()
    whole = max(sum(counts.values()), 1)
    return sorted(((kind, n / whole) for kind, n in counts.items()), key=lambda item: -item[1])


def _optimizer(one: Any) -> Table:
    keys = [key for key in one.groups[0] if key != "params"][:9] if one.groups else []
    rows = tuple(
        (str(place), units.count(group.get("params", 0)), *(_short(group.get(key)) for key in keys))
        for place, group in enumerate(one.groups)
    )
    caption = f"{one.key}: state of {one.entries} parameters, {units.size(one.state_bytes)}"
    return Table(
        ("Group", "Parameters", *(key.replace("_", " ") for key in keys)), rows, caption, numeric=(1,)
    )


def _short(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return " ".join(map(_short, value))
    return f"{value:g}" if isinstance(value, float) else "–" if value is None else str(value)


def _modules(weights: Mapping[str, Tensor]) -> Table:
    """Numbers, bytes and types, grouped at the depth that gives a table to look at."""
    groups = grouped(weights)
    rows = []
    for name, tensors in list(groups.items())[:MOST_ROWS]:
        kinds = ", ".join(dict.fromkeys(str(one.dtype).removeprefix("torch.") for one in tensors))
        n_bytes = sum(one.numel() * one.element_size() for one in tensors)
        numbers = sum(one.numel() for one in tensors)
        rows.append(
            (
                Cell(name, code=True),
                units.count(len(tensors)),
                units.count(numbers),
                units.size(n_bytes),
                kinds,
            )
        )
    caption = f"{len(groups) - MOST_ROWS} more modules are left out" if len(groups) > MOST_ROWS else ""
    return Table(("Module", "Tensors", "Numbers", "Bytes", "Type"), tuple(rows), caption, numeric=(1, 2, 3))


def grouped(weights: Mapping[str, Tensor]) -> dict[str, list[Tensor]]:
    """Return module path -> tensors, at the smallest depth with at least four groups."""
    depth = 1
    while depth < 5 and len({_head(name, depth) for name in weights}) < min(4, len(weights)):
        depth += 1
    groups: dict[str, list[Tensor]] = defaultdict(list)
    for name, value in weights.items():
        groups[_head(name, depth)].append(value)
    return dict(groups)


def _head(name: str, depth: int) -> str:
    path = name.rpartition(".")[0] or name
    return ".".join(path.split(".")[:depth])


def _fit(fit: Fit) -> list[Block]:
    if fit.fits:
        return [Text("Every name and shape is what the model expects.", "good")]
    blocks: list[Block] = []
    if fit.prefix:
        blocks.append(Note(*_about_prefix(fit.prefix)))
    for title, names in (("Missing in the checkpoint", fit.missing), ("Not in the model", fit.unexpected)):
        if names:
            shown = [
                f"`{one}`" + (f" (is `{fit.nearest[one]}` it?)" if one in dict(fit.nearest) else "")
                for one in names[:12]
            ]
            more = [f"and {len(names) - 12} more"] if len(names) > 12 else []
            blocks += [Text(f"{title}: {len(names)}"), Items((*shown, *more))]
    if fit.shapes:
        rows = tuple(
            (Cell(name, code=True), str(ours), str(theirs)) for name, (ours, theirs) in fit.shapes.items()
        )
        blocks.append(Table(("Other shape", "Checkpoint", "Model"), rows[:MOST_ROWS]))
    return blocks


def _about_prefix(prefix: str) -> tuple[str, str]:
    if prefix.startswith("+"):
        own = prefix[1:]
        said = f"The model's names begin with `{own}`: {{'{own}' + k: v for k, v in state.items()}}"
    else:
        said = f"The names begin with `{prefix}`: {{k.removeprefix('{prefix}'): v for k, v in state.items()}}"
    return said, "info"


def _changed(changed: Difference) -> list[Block]:
    blocks: list[Block] = [Text(f"{len(changed.moved)} tensors moved, {changed.same} are equal to the bit.")]
    if changed.moved:
        rows = tuple(
            (
                Cell(one.name, code=True),
                units.count(one.numel),
                units.number(one.ratio, 3),
                units.number(one.largest, 3),
            )
            for one in changed.moved[:MOST_ROWS]
        )
        columns = ("Tensor", "Numbers", "Change / size", "Largest change")
        blocks.append(Table(columns, rows, numeric=(1, 2, 3)))
    for title, names in (("Only before", changed.only_first), ("Only now", changed.only_second)):
        if names:
            blocks.append(
                Text(
                    f"{title}: {', '.join(f'`{name}`' for name in names[:12])}"
                    + (" …" if len(names) > 12 else "")
                )
            )
    for name, (old, new) in list(changed.shapes.items())[:MOST_ROWS]:
        blocks.append(Text(f"`{name}` was {old} and is {new}."))
    return blocks


def _data(found: Contents, fit: Fit | None, changed: Difference | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "path": found.path, "format": found.format, "loadable": found.loadable, "safe": found.safe,
        "problems": list(found.problems), "epoch": found.epoch, "step": found.step,
        "metrics": dict(found.metrics),
        "parameters": found.parameters, "buffers": found.buffers, "tensors": len(found.weights),
        "size_bytes": found.size_bytes,
        "dtypes": [kind for kind, _ in _types(found.weights)],
        "modules": {
            name: {"tensors": len(group), "numbers": sum(one.numel() for one in group)}
            for name, group in grouped(found.weights).items()
        },
        "optimizers": [
            {"key": one.key, "groups": [dict(group) for group in one.groups], "state_bytes": one.state_bytes}
            for one in found.optimizers
        ],
        "previous": found.previous or None,
    }  # fmt: skip
    if found.scan is not None:
        data |= {
            "would_call": list(found.scan.calls),
            "globals": list(found.scan.names),
            "dangerous": list(found.scan.dangerous),
        }
    if fit is not None:
        data["against_model"] = {
            "fits": fit.fits, "missing": list(fit.missing), "unexpected": list(fit.unexpected),
            "shapes": {name: [list(a), list(b)] for name, (a, b) in fit.shapes.items()},
            "prefix": fit.prefix or None,
        }  # fmt: skip
    if changed is not None:
        data["changed"] = {
            "same": changed.same, "only_first": list(changed.only_first),
            "only_second": list(changed.only_second),
            "moved": [
                {"name": one.name, "ratio": one.ratio, "largest": one.largest} for one in changed.moved
            ],
        }  # fmt: skip
    return data
