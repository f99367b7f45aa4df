"""How long a checkpoint takes to save, timed on bytes of ours, and how many of them a run saves.

The bytes go into a file without a name in the folder that will hold the runs: nothing is left, and nothing is
seen meanwhile. A checkpoint's own work is the same (tensors, a hash, the disk); `COMMIT_S` is what it does
beside them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nbtrain.runs.plain import tensor_bytes
from nbtrain.train.callbacks.checkpoint import AUTO, AUTO_LEAST_S, SAVING_SHARE

MOST_BYTES = 4 * 1024**2  # 20 ms; the time of more is taken in proportion
TIMES = 2
COMMIT_S = 0.006  # manifest, folders, a second file: measured on ext4, an SSD (benchmarks/estimated_time.py)
BYTES_A_SECOND = 250e6  # where the folder cannot be written to
# Optimizer class -> moments it keeps, each of the size of the weights, before its first step shows them.
_MOMENTS = {"SGD": 0, "Adagrad": 1, "RMSprop": 1, "Lion": 1, "Muon": 1, "Adafactor": 0}


def time_save(model: nn.Module, optimizer: Any, folder: Path) -> tuple[float, ...]:
    """Return seconds of a save, a few times.

    Args:
        folder: where runs go; need not exist.
    """
    total = saved_bytes(model, optimizer)
    part = min(total, MOST_BYTES)
    share = part / total if total else 1.0
    try:
        return tuple(COMMIT_S + _write(part, folder) / share for _ in range(TIMES))
    except OSError:  # a folder that cannot be written is refused at the start, in words
        return (COMMIT_S + total / BYTES_A_SECOND,)


def saved_bytes(model: nn.Module, optimizer: Any) -> int:
    """Return the bytes of weights and optimizer in a checkpoint, its moments counted before they are there.
    """
    weights = tensor_bytes(list(model.parameters()) + list(model.buffers()))
    held = tensor_bytes([list(one.values()) for one in getattr(optimizer, "state", {}).values()])
    if held:
        return weights + held
    trained = tensor_bytes([p for p in model.parameters() if p.requires_grad])
    return weights + _moments(optimizer) * trained


def saves(
    *, epochs: int, steps: int, every: int | str | None, judged: bool, seconds: float, save_s: float
) -> int:
    """Return how many checkpoints a run saves, as `callbacks.checkpoint` decides.

    Args:
        every: steps between two, None for epochs' ends, thinned out, "auto" for as often as is cheap.
        judged: there is validation data. save_s: what a save takes of the training's time.
        seconds: the run's length without its saves.
    """
    if every == AUTO:
        return 1 + int(seconds / max(save_s / SAVING_SHARE, AUTO_LEAST_S)) + judged
    if every:
        return steps // every + (steps % every > 0)
    apart = max(seconds / epochs, save_s / SAVING_SHARE)
    within = max(1, min(epochs, 1 + int((seconds - seconds / epochs) / apart)))
    if within == epochs:
        return epochs
    return within + 1 + judged  # where it ends, and the best one that was held until then


def _moments(optimizer: Any) -> int:
    settings = getattr(optimizer, "defaults", None) or {}
    more = bool(settings.get("momentum")) + bool(settings.get("centered")) + bool(settings.get("amsgrad"))
    return _MOMENTS.get(type(optimizer).__name__, 2) + more


def _write(size: int, folder: Path) -> float:
    """Seconds to write and hash so many bytes there, until they are on the disk."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    content = torch.ones(max(size // 4, 1))
    began = time.perf_counter()
    with tempfile.TemporaryFile(dir=folder) as file:
        torch.save(content, file)
        file.seek(0)
        digest = hashlib.blake2b()
        while block := file.read(1024**2):
            digest.update(block)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - began
