"""One writer for each format: (model, shapes, options, path) -> what was written."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from torch import nn

from nbtrain.export.asked import ExportOptions
from nbtrain.export.shapes import Shapes
from nbtrain.export.writers.written import Written
from nbtrain.exported.formats import ONNX, SAFETENSORS, TORCH_EXPORT, TORCHSCRIPT

_HOME = {
    ONNX: "onnx", TORCHSCRIPT: "torchscript", TORCH_EXPORT: "torch_export", SAFETENSORS: "safetensors",
}  # fmt: skip


def write(model: nn.Module, shapes: Shapes, options: ExportOptions, path: Path) -> Written:
    """Write a model in the format asked for.

    Args:
        model: a copy in eval mode, which may be changed.

    Raises:
        ExportFailed: it cannot be exported; says which operator, where, and what to do.
        MissingExtra: a package is absent.
    """
    return import_module(f"nbtrain.export.writers.{_HOME[options.format]}").write(
        model, shapes, options, path
    )
