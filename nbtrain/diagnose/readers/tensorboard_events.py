"""TensorBoard event files, of one run or in subfolders for training and validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbtrain import extras
from nbtrain.diagnose.columns import canonical, tells_progress
from nbtrain.diagnose.history import History, history_of_rows
from nbtrain.diagnose.merging import merge
from nbtrain.diagnose.reader import Reader
from nbtrain.errors import InvalidMetrics

_PATTERN = "*tfevents*"
CURVES = {"train_loss", "val_loss", "train_acc", "val_acc"}


def _recognises(path: Path) -> bool:
    if path.is_file():
        return "tfevents" in path.name
    return any(path.glob(_PATTERN)) or any(path.glob(f"*/{_PATTERN}")) or any(path.glob(f"*/*/{_PATTERN}"))


def read(path: Path) -> History:
    """Read every scalar of the folder's event files.

    Raises:
        MissingExtra: the package tensorboard is absent. InvalidMetrics: there is no scalar of a loss or an
            accuracy, or several runs lie in the folder.
    """
    why = "to read TensorBoard's files"
    loader = extras.require("tensorboard.backend.event_processing.event_accumulator", why=why)
    tensors = extras.require("tensorboard.util.tensor_util", why=why)
    folders = [path] if path.is_file() or any(path.glob(_PATTERN)) else []
    if path.is_dir():
        folders += sorted({file.parent for file in path.rglob(_PATTERN)} - set(folders))
    series: dict[str, dict[int, float]] = {}
    runs: set[str] = set()
    for folder in folders:
        side = "" if folder == path else folder.name
        top = "" if folder == path else folder.relative_to(path).parts[0]
        for tag, points in _scalars(loader, tensors, folder).items():
            name = _name(side, tag)
            if canonical(name) in CURVES and canonical(f"{top}_loss") is None:
                runs.add(top)
            series.setdefault(name, {}).update(points)
    if len(runs) > 1:
        raise _invalid(path, f"holds several runs: {', '.join(sorted(runs)[:6])}")
    if not any(tells_progress(name) for name in series):
        raise _invalid(
            path, f"has no scalar of a loss or an accuracy, only {', '.join(list(series)[:8]) or 'none'}"
        )
    merged = merge(series)
    table = merged.steps if len(merged.steps) else None
    return history_of_rows(
        merged.rows,
        name=path.stem if path.is_file() else path.name,
        source="TensorBoard's event files",
        steps=table,
        notes=merged.notes,
        passes=merged.passes,
    )


def _name(side: str, tag: str) -> str:
    """Return the tag, with the folder's name before it where that says training or validation."""
    said = canonical(tag)
    if side and canonical(f"{side}_loss") is not None and (said is None or said.startswith("train_")):
        if canonical(f"{side}_{tag}") is not None:
            return f"{side}_{tag}"
        return f"{side}/{tag}"
    return tag


def _scalars(loader: Any, tensors: Any, folder: Path) -> dict[str, dict[int, float]]:
    """Return tag -> step -> value, also of scalars written as tensors (TF2, Keras)."""
    events = loader.EventAccumulator(str(folder), size_guidance={loader.SCALARS: 0, loader.TENSORS: 0})
    events.Reload()
    found: dict[str, dict[int, float]] = {}
    tags = events.Tags()
    for tag in tags.get("scalars", ()):
        found[tag] = {event.step: float(event.value) for event in events.Scalars(tag)}
    for tag in tags.get("tensors", ()):
        points = {}
        for event in events.Tensors(tag):
            value = tensors.make_ndarray(event.tensor_proto)
            if value.ndim == 0 and value.dtype.kind in "fiu":
                points[event.step] = float(value)
        if points:
            found[tag] = points
    return found


def _invalid(path: Path, problem: str) -> InvalidMetrics:
    return InvalidMetrics(
        f"{path} {problem}.",
        suggestion="Give the folder of one run's event files.",
        path=str(path),
        field="",
        problem=problem,
    )


READER = Reader("tensorboard-events", "TensorBoard's event files", 30, _recognises, read)
