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

    def export(spec: Any) -> Any:
        with quiet():
            return torch.export.export(
                model, example.args, dict(example.kwargs), dynamic_shapes=spec, strict=False
            )

    spec = shapes.spec(model)
    try:
        try:
            return export(spec)
        except Exception as error:  # its own class for it is private
            narrower = _narrower(error, spec)
            if narrower is None:
                raise
            return export(narrower)
    except Exception as error:  # torch raises what it meets: its own, Python's, the model's
        where = where_it_stopped(model, lambda: export(spec))
        raise export_failed(error, options, where=where) from error


def _narrower(error: Exception, spec: Any) -> Any:
    """Return sizes with the limits that torch found in the model, such as a table of 512 positions.

    None where it found none, or where a size can have one value alone: that is for a person to decide.
    """
    text = str(error)
    if "Suggested fixes" not in text or "specialized it to be a constant" in text:
        return None
    refine = getattr(torch.export.dynamic_shapes, "refine_dynamic_shapes_from_suggested_fixes", None)
    try:
        return refine(text, spec) if refine is not None else None
    except Exception:  # it reads a message, and may not know this one
        return None
