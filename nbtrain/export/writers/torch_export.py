"""Write a program of torch.export (.pt2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from nbtrain.export.asked import FP16, ExportOptions
from nbtrain.export.failures import export_failed, where_it_stopped
from nbtrain.export.halving import Halved
from nbtrain.export.shapes import Shapes
from nbtrain.export.writers.written import Written
from nbtrain.exported.quiet import quiet


def write(model: nn.Module, shapes: Shapes, options: ExportOptions, path: Path) -> Written:
    """Write the program."""
    if options.quantize == FP16:
        model = Halved(model, shapes.example)
    program = followed(model, shapes, options)
    with quiet():
        torch.export.save(program, str(path))
    return Written(f"torch.export, PyTorch {torch.__version__}")


def followed(model: nn.Module, shapes: Shapes, options: ExportOptions) -> Any:
    """Return the program that torch.export finds by following a model.

    Raises:
        ExportFailed: it cannot be followed.
    """
    example = shapes.example

    def export() -> Any:
        return torch.export.export(
            model, example.args, dict(example.kwargs), dynamic_shapes=shapes.spec(model), strict=False
        )

    try:
        with quiet():
            return export()
    except Exception as error:  # torch raises what it meets: its own, Python's, the model's
        where = where_it_stopped(model, export)
        raise export_failed(error, options, where=where) from error
