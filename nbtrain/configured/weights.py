"""The base checkpoint of a configuration: weights that were trained before, put into the model made here."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nbtrain.config.located import find, told_by
from nbtrain.config.resolved import Configuration
from nbtrain.errors import CheckpointCorrupted, UntrustedCheckpoint, UsageError

MODEL_FILE = "model.pt"


def load_base(configuration: Configuration, model: nn.Module) -> str:
    """Put the base checkpoint's weights into a model; return a sentence about it, "" where none was asked
    for.

    A checkpoint folder of a run, or a plain state_dict in a .pt file. No code of the file is run.

    Raises:
        UsageError: it is not there, is of another kind, or has other layers. UntrustedCheckpoint: it is a
        pickle
            that would run code. CheckpointCorrupted: it cannot be read.
    """
    word = configuration.get("base_checkpoint")
    if not word:
        return ""
    path = find(word, configuration.folder)
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            f"The base checkpoint `{word}` is no checkpoint folder of a run (with {MODEL_FILE}) and no "
            f".pt file.",
            suggestion=_advice(path),
            path=str(path),
        )
    weights = _read(file)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UsageError(
            f"The base checkpoint `{word}` does not fit the architecture: "
            f"{' '.join(str(error).split())[:300]}",
            suggestion="Give the sizes and arguments it was trained with.",
        ) from None
    return f"The weights begin as those of {file}."


def _advice(path: Path) -> str:
    told = told_by(path)
    if told is None:
        return "Give a folder below checkpoints/ of a run, or what torch.save(model.state_dict(), ...) wrote."
    return (
        f"It is a model of Hugging Face ({told.get('model_type')}): leave the architecture out, or write "
        f"architecture: hf:{path}."
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        held = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UntrustedCheckpoint(
            f"{file} holds more than tensors, and loading it could run code.",
            suggestion="Save its state_dict alone: torch.save(model.state_dict(), ...).",
            path=str(file),
        ) from error
    except Exception as error:  # torch has many errors for bytes that are no checkpoint
        raise CheckpointCorrupted(
            f"{file} cannot be read as a checkpoint: {str(error)[:150]}",
            suggestion="Is it whole, and saved by torch.save?", path=str(file),
        ) from error  # fmt: skip
    for name in ("state_dict", "model_state_dict", "model"):
        if isinstance(held, dict) and isinstance(held.get(name), dict):
            return held[name]
    return held
