"""Write a program of torch.export (.pt2)."""

from __future__ import annotations

import re
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

_SUGGESTED = re.compile(r"^\s*(?P<name>\w+) = Dim\('\w+'(?P<limits>(?:, (?:min|max)=\d+)+)\)", re.M)
_LIMIT = re.compile(r"(min|max)=(\d+)")


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

    def export(spec: Any) -> Any:
        with quiet():
            return torch.export.export(
                model, example.args, dict(example.kwargs), dynamic_shapes=spec, strict=False
            )

    spec = shapes.spec(model)
    try:
        try:
            return export(spec)
        except Exception as error:  # the class of this error is private to torch
            limits = _limits(error)
            if not limits:
                raise
            return export(shapes.spec(model, limits))
    except Exception as error:  # torch raises what it meets: its own, Python's, the model's
        where = where_it_stopped(model, lambda: export(spec))
        raise export_failed(error, options, where=where) from error


def _limits(error: Exception) -> dict[str, dict[str, int]]:
    """Return the limits of sizes that torch found in the model, such as a table of 512 positions.

    None are returned where a size can have one value alone: that is for a person to decide.
    """
    text = str(error)
    if "Suggested fixes" not in text or "specialized it to be a constant" in text:
        return {}
    return {
        found["name"]: {side: int(value) for side, value in _LIMIT.findall(found["limits"])}
        for found in _SUGGESTED.finditer(text)
    }
