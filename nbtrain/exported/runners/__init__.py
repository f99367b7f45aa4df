"""What runs an exported model, or a model as it is; inputs and outputs are in host memory, on any device."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from nbtrain.exported.formats import ONNX, TORCH_EXPORT, TORCHSCRIPT
from nbtrain.exported.runners.runner import Runner

_HOME = {ONNX: "onnx", TORCHSCRIPT: "torchscript", TORCH_EXPORT: "torch_export"}


def load_runner(path: Path, format: str, *, device: str = "cpu") -> Runner:
    """Return what runs a file.

    Args:
        format: one that holds a program. device: cpu, cuda or cuda:N.

    Raises:
        UsageError: it cannot run on that device. MissingExtra: its runtime is not installed.
        CheckpointCorrupted: its bytes cannot be read.
    """
    return import_module(f"nbtrain.exported.runners.{_HOME[format]}").load(path, device=device)
