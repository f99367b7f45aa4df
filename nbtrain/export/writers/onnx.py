"""Write ONNX by torch's exporter, checked by `onnx`; then int8 or fp16 by onnxruntime."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nbtrain.errors import ExportFailed, UsageError
from nbtrain.export.asked import ExportOptions
from nbtrain.export.failures import conversion_failed
from nbtrain.export.quantizing import quantize
from nbtrain.export.shapes import Shapes
from nbtrain.export.writers.torch_export import followed
from nbtrain.export.writers.written import Written
from nbtrain.exported.outputs import named_outputs
from nbtrain.exported.quiet import quiet
from nbtrain.exported.runners.runner import Facts, Port
from nbtrain.extras import require
from nbtrain.units import size

WHY = "to export to ONNX"
MOST_BYTES = 2 * 2**30 - 2**20  # of a protobuf message; Source: protobuf's limit of 2 GiB


def write(model: nn.Module, shapes: Shapes, options: ExportOptions, path: Path) -> Written:
    """Write the program."""
    onnx = require("onnx", why=WHY)
    require("onnxscript", why=WHY)
    require("onnxruntime", why="to verify the exported model")
    _check_torch()
    _check_size(model)
    program = followed(model, shapes, options)
    example = shapes.example
    with torch.no_grad(), quiet():
        outputs = list(named_outputs(model(*example.args, **example.kwargs)))
        try:
            made = torch.onnx.export(
                program, dynamo=True, verbose=False, opset_version=options.opset,
                input_names=list(example.names), output_names=[_plain(name) for name in outputs],
                dynamic_shapes=shapes.spec(model),
            )  # fmt: skip
        except Exception as error:  # the exporter wraps what it meets in several layers of its own
            raise conversion_failed(error, program, options) from error
        made.save(str(path), external_data=False)
    how = f"torch.onnx (dynamo), PyTorch {torch.__version__}, checked by onnx {onnx.__version__}"
    notes: tuple[str, ...] = ()
    if options.quantize:
        said, notes = quantize(path, options)
        how = f"{how}; {said}"
    return Written(how, _checked(onnx, path), notes)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c == "_" else "_" for c in name)


def _check_torch() -> None:
    if "dynamo" not in inspect.signature(torch.onnx.export).parameters:
        raise UsageError(
            f"PyTorch {torch.__version__} has no ONNX exporter that follows a model by torch.export.",
            suggestion="PyTorch 2.5 or newer has; or --format torch-export.",
        )


def _check_size(model: nn.Module) -> None:
    n_bytes = sum(one.nbytes for one in (*model.parameters(), *model.buffers()))
    if n_bytes > MOST_BYTES:
        raise UsageError(
            f"The weights take {size(n_bytes)}, and one ONNX file holds at most 2 GiB.",
            suggestion="--format torch-export, or export in half precision: model.half() first.",
        )


def _checked(onnx: Any, path: Path) -> Facts:
    """Have onnx check the file; return what it says of itself."""
    with _refused(path):
        onnx.checker.check_model(str(path), full_check=True)
        held = onnx.load(str(path), load_external_data=False)
    opset = next((one.version for one in held.opset_import if one.domain in ("", "ai.onnx")), None)
    kinds = {node.op_type for node in held.graph.node}
    more = (
        ("Operators", f"{len(held.graph.node)} nodes of {len(kinds)} kinds"),
        ("IR version", str(held.ir_version)),
    )
    return Facts(_ports(onnx, held.graph.input), _ports(onnx, held.graph.output), opset, more)


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the checker's own error, or protobuf's
        raise ExportFailed(
            f"onnx refuses the file that was made: {' '.join(str(error).split())[:300]}",
            suggestion="Another --opset may do; or --format torch-export.", format="onnx",
        ) from error  # fmt: skip


def _ports(onnx: Any, values: Any) -> tuple[Port, ...]:
    found = []
    for one in values:
        kind = one.type.tensor_type
        shape = tuple(d.dim_param or int(d.dim_value) for d in kind.shape.dim)
        found.append(Port(one.name, shape, onnx.TensorProto.DataType.Name(kind.elem_type).lower()))
    return tuple(found)
