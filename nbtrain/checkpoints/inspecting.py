"""A path laid open, whatever kind of checkpoint it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nbtrain.checkpoints.contents import Contents
from nbtrain.checkpoints.difference import difference, fit_of
from nbtrain.checkpoints.files import read_file
from nbtrain.checkpoints.folders import read_folder
from nbtrain.checkpoints.report import checkpoint_report
from nbtrain.errors import UsageError
from nbtrain.report.model import Report


def read_checkpoint(path: str | Path, *, trust: bool = False) -> Contents:
    """Return what a checkpoint holds; damage and danger are said in it, and nothing in it is run.

    Args:
        path: a file (torch, Lightning, pickle, safetensors) or a folder (a checkpoint of ours, a run, a
            Hugging Face model).
        trust: load it in full although its pickle runs code; the person's clear yes.

    Raises:
        UsageError: nothing is there, or the folder holds no checkpoint.
    """
    path = Path(path).expanduser()
    if not path.exists():
        beside = sorted(one.name for one in path.parent.iterdir())[:6] if path.parent.is_dir() else []
        raise UsageError(
            f"There is no `{path}`.",
            suggestion=f"In {path.parent}: {', '.join(beside)}."
            if beside
            else "A checkpoint file or folder.",
        )
    return read_folder(path, trust=trust) if path.is_dir() else read_file(path, trust=trust)


def inspect_checkpoint(
    path: str | Path, *, model: torch.nn.Module | None = None, name: str = "model", against: Any = None,
    trust: bool = False,
) -> Report:  # fmt: skip
    """Return a checkpoint as a report: sound or not, epoch, metrics, weights, optimizer.

    Args:
        model: its names and shapes are compared with the checkpoint's; `name`: what it is called.
        against: another checkpoint, before this one: which layers moved. trust: see `read_checkpoint`.

    Raises:
        UsageError: nothing is there to be read.
    """
    found = read_checkpoint(path, trust=trust)
    fit = fit_of(found.weights, model) if model is not None and found.weights else None
    changed = None
    if against is not None:
        before = read_checkpoint(against, trust=trust)
        if not before.loadable:
            raise UsageError(f"`{against}` cannot be loaded: {before.problems[0]}")
        changed = difference(before.weights, found.weights)
    called = name if fit is not None else Path(str(against)).name if against is not None else ""
    return checkpoint_report(found, fit=fit, against=called, changed=changed)
