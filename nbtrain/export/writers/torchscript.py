"""Write TorchScript: the model's source is compiled; where that fails it is traced."""

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

FROZEN = (
    "Tracing keeps one way through the code. Decisions by Python that were frozen as this batch made them: "
    "{}."
)
OLD = "PyTorch calls TorchScript deprecated; its successor is torch.export: --format torch-export."


def write(model: nn.Module, shapes: Shapes, options: ExportOptions, path: Path) -> Written:
    """Write the program."""
    version = f"PyTorch {torch.__version__}"
    if options.quantize == FP16:
        model = Halved(model, shapes.example)
    elif _compiled(model, path):
        return Written(f"compiled from source (torch.jit.script), {version}", notes=(OLD,))
    traced, frozen = _traced(model, shapes, options)
    with quiet():
        torch.jit.save(traced, str(path))
    notes = (OLD, FROZEN.format(frozen)) if frozen else (OLD,)
    return Written(f"traced on a batch (torch.jit.trace), {version}", notes=notes)


def _compiled(model: nn.Module, path: Path) -> bool:
    """Compile and write a model; return whether TorchScript could, which knows a part of Python."""
    try:
        with quiet():
            compiled = torch.jit.script(model)
    except Exception:  # it says what it cannot compile in many ways; an OSError is source that is not there
        return False
    try:
        with quiet():
            torch.jit.save(compiled, str(path))
    except RuntimeError:  # some that compile cannot be written, for example with torch's fused attention
        return False
    return True


def _traced(model: nn.Module, shapes: Shapes, options: ExportOptions) -> tuple[Any, int]:
    example = shapes.example
    given = (
        {"example_kwarg_inputs": {k: v for k, v in example.kwargs.items() if v is not None}}
        if example.kwargs
        else {"example_inputs": example.args}
    )

    def trace() -> Any:
        # unchecked: what comes of it is verified on real batches below
        return torch.jit.trace(model, check_trace=False, strict=False, **given)

    try:
        with quiet() as said:
            traced = trace()
    except Exception as error:  # torch raises what it meets: its own, Python's, the model's
        raise export_failed(error, options, where=where_it_stopped(model, trace)) from error
    places = {
        (one.filename, one.lineno)
        for one in said
        if "might cause the trace to be incorrect" in str(one.message)
    }
    return traced, len(places)
