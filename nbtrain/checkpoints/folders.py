"""Checkpoints that are folders: a run's own, a store of them, a run, a Hugging Face model."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbtrain.checkpoints.contents import Contents, laid_open
from nbtrain.checkpoints.files import read_file
from nbtrain.errors import CheckpointCorrupted, UntrustedCheckpoint, UsageError
from nbtrain.runs.checkpoint import CheckpointStore
from nbtrain.runs.checkpoint_folder import MANIFEST_FILE, MODEL_FILE, STATE_FILE, load_checkpoint, read_info

OURS, HUGGING_FACE = "nbtrain checkpoint", "Hugging Face model"
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_SINGLES = ("model.safetensors", "adapter_model.safetensors", "pytorch_model.bin", "adapter_model.bin")


def read_folder(path: Path, *, trust: bool = False) -> Contents:
    """Return what a folder holds: one of our checkpoints, the newest of several, a Hugging Face model.

    Raises:
        UsageError: it is none of these.
    """
    if (path / MANIFEST_FILE).exists() and (path / "checkpoints").is_dir():
        return _newest(path / "checkpoints")
    if (path / MANIFEST_FILE).exists() or (path / MODEL_FILE).exists():
        return _ours(path)
    if any(child.name.startswith("step-") for child in path.iterdir() if child.is_dir()):
        return _newest(path)
    for name in _INDEXES:
        if (path / name).exists():
            return _sharded(path, name, trust=trust)
    for name in _SINGLES:
        if (path / name).exists():
            return _hugging_face(path, [read_file(path / name, trust=trust)])
    inside = sorted(child.name for child in path.iterdir())[:8]
    raise UsageError(
        f"`{path}` holds no checkpoint that I know (it has {', '.join(inside) or 'nothing in it'}).",
        suggestion="A checkpoint file, a run's folder, one of its checkpoints, or a Hugging Face model.",
    )


def _ours(path: Path) -> Contents:
    try:
        info = read_info(path)
        files = load_checkpoint(path)
    except (CheckpointCorrupted, UntrustedCheckpoint) as error:
        return Contents(
            str(path), OURS, loadable=False, problems=(error.message,),
            safe=not isinstance(error, UntrustedCheckpoint), previous=_good_one_beside(path),
        )  # fmt: skip
    found = laid_open(str(path), OURS, {"model": files.get(MODEL_FILE), **(files.get(STATE_FILE) or {})})
    return replace(
        found, format=OURS, epoch=info.epoch, step=info.step, metrics=dict(info.metrics),
        size_bytes=info.size_bytes, other={"saved at": info.saved_at},
    )  # fmt: skip


def _good_one_beside(path: Path) -> str:
    """The newest other checkpoint of a store whose bytes are those that were written; "" for none."""
    for info in CheckpointStore(path.parent).all():
        if info.path.resolve() != path.resolve():
            with contextlib.suppress(CheckpointCorrupted, UntrustedCheckpoint):
                load_checkpoint(info.path)
                return str(info.path)
    return ""


def _newest(path: Path) -> Contents:
    """The newest checkpoint of a store that is whole; damaged ones are named."""
    store = CheckpointStore(path)
    damaged = [error.message for error in store.damaged()]
    for info in store.all():
        found = _ours(info.path)
        if found.loadable:
            return replace(found, problems=(*damaged, *found.problems))
        damaged += found.problems
    if damaged:
        return Contents(str(path), OURS, loadable=False, problems=tuple(damaged))
    raise UsageError(f"`{path}` has no checkpoint in it yet.")


def _sharded(path: Path, index: str, *, trust: bool) -> Contents:
    try:
        where = json.loads((path / index).read_text("utf-8"))["weight_map"]
        names = sorted(set(where.values()))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        return Contents(
            str(path), HUGGING_FACE, loadable=False, problems=(f"`{index}` is damaged: {error}.",)
        )
    missing = [name for name in names if not (path / name).exists()]
    if missing:
        said = f"{len(missing)} of {len(names)} files of the index are missing: {', '.join(missing[:4])}."
        return Contents(str(path), HUGGING_FACE, loadable=False, problems=(said,))
    found = _hugging_face(path, [read_file(path / name, trust=trust) for name in names])
    lost = sorted(set(where) - set(found.weights))
    if lost and found.loadable:
        found = replace(
            found, problems=(*found.problems, f"The files lack {len(lost)} tensors of the index: {lost[0]}.")
        )
    return found


def _hugging_face(path: Path, parts: list[Contents]) -> Contents:
    weights: dict[str, Any] = {}
    for part in parts:
        weights |= part.weights
    other, metrics = _configuration(path), _last_log(path)
    return Contents(
        str(path), HUGGING_FACE, weights=weights, loadable=all(part.loadable for part in parts),
        safe=all(part.safe is not False for part in parts),
        problems=tuple(f"`{Path(part.path).name}`: {said}" for part in parts for said in part.problems),
        other=other, epoch=_whole(metrics.pop("epoch", None)), step=_whole(metrics.pop("step", None)),
        metrics=metrics, size_bytes=sum(part.size_bytes for part in parts),
    )  # fmt: skip


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _configuration(path: Path) -> dict[str, str]:
    try:
        known = json.loads((path / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    keys = (
        "architectures",
        "model_type",
        "hidden_size",
        "num_hidden_layers",
        "vocab_size",
        "torch_dtype",
        "dtype",
    )
    return {key: str(known[key]) for key in keys if isinstance(known, dict) and key in known}


def _last_log(path: Path) -> dict[str, Any]:
    """Numbers of the last rows of Trainer's own log."""
    try:
        history = json.loads((path / "trainer_state.json").read_text("utf-8"))["log_history"]
        return {
            key: value
            for row in history[-3:]
            for key, value in row.items()
            if isinstance(value, (int, float))
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
