"""Where a configuration is checked: the notebook's names, the devices here, what can be imported."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrain.config.checking import Checked, Place
from nbtrain.config.located import language_base, told_by
from nbtrain.config.problem import Problem
from nbtrain.config.relations import adapts


def place_of(path: str | os.PathLike[str], namespace: Mapping[str, Any] | None) -> Place:
    """Return the place for the configuration at a path, with what this machine can tell."""
    folder = Path(path).expanduser().absolute().parent
    return Place(
        folder,
        None if namespace is None else frozenset(namespace),
        _devices(),
        lambda package: _importable(package, folder),
        (_memory,),
    )


def _devices() -> dict[str, int]:
    import torch

    found = {"cpu": 1}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.device_count()
    if torch.backends.mps.is_available():
        found["mps"] = 1
    return found


def _importable(package: str, folder: Path) -> bool:
    """Say whether a package is installed, or lies in the working folder or beside the configuration."""
    for place in (Path.cwd(), folder):
        if (place / f"{package}.py").is_file() or (place / package).is_dir():
            return True
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _of_base(checked: Checked) -> dict[str, Any]:
    """Return the sizes that the config.json of a language model's folder tells."""
    base = language_base(checked.said, checked.place.folder)
    told = (told_by(Path(base)) if base is not None else None) or {}
    found = {"hidden_size": "hidden_size", "num_layers": "num_hidden_layers", "vocab_size": "vocab_size"}
    return {name: told[key] for name, key in found.items() if isinstance(told.get(key), int)}


def _memory(checked: Checked) -> tuple[list[Problem], list[Problem]]:
    """Hold a rule of thumb for a transformer's training against the device's memory."""
    from nbtrain.memory.rough import BYTES, STATES, Activations

    said = {**_of_base(checked), **checked.said}
    width, layers = said.get("hidden_size"), said.get("num_layers")
    if not width or not layers:
        return [], []
    there = _bytes_of(str(said.get("device") or "auto"))
    if there is None:
        return [], []
    # Source: 12 x layers x width^2 for the blocks of a transformer, and the table of tokens
    parameters = 12 * layers * width * width + (said.get("vocab_size") or 0) * width
    half = said.get("fp16") or said.get("bf16") or said.get("mixed_precision") in ("fp16", "bf16")
    each = BYTES["32"] + BYTES["16" if half else "32"]
    states = STATES.get(said.get("optimizer") or "adamw", 2)
    if adapts(said):  # gradients and states of the adapters alone, which are small
        each, states = BYTES["32"], 0
    activations = Activations(said.get("batch_size") or 1, said.get("max_seq_length") or 1, width, layers)
    needed = parameters * (each + 4 * states) + activations.n_bytes
    if needed <= there:
        return [], []
    setting = "batch_size" if activations.n_bytes > needed / 2 else "hidden_size"
    problem = checked.problem(
        setting,
        f"a training that fits into {_gib(there)}: roughly {_gib(needed)} are needed, by a rule of thumb",
        "A smaller batch with more gradient accumulation, shorter sequences, bf16, or a smaller model.",
        kind="OutOfMemory", estimated_bytes=needed, available_bytes=there,
        batch_size=said.get("batch_size"), sequence_length=said.get("max_seq_length"),
    )  # fmt: skip
    # the rule leaves things out, so that far too much is certain and a little too much a warning
    return ([problem], []) if needed > 2 * there else ([], [problem])


def _bytes_of(device: str) -> int | None:
    """Return the memory of a device that is here."""
    import psutil
    import torch

    if device in ("auto", "gpu", "cuda") or device.startswith("cuda:"):
        if torch.cuda.is_available():
            index = int(device.partition(":")[2] or 0)
            if index < torch.cuda.device_count():
                return int(torch.cuda.get_device_properties(index).total_memory)
        if device != "auto":
            return None
    return int(psutil.virtual_memory().total)


def _gib(n_bytes: float) -> str:
    return f"{n_bytes / 2**30:.3g} GiB"
