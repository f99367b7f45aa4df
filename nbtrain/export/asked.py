"""What an export is asked for, checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.exported.feed import Feed
from nbtrain.exported.formats import FORMATS, KNOWN, ONNX, SAFETENSORS, format_of_name

INT8, FP16 = "int8", "fp16"


@dataclass(frozen=True)
class ExportOptions:
    """What is exported how.

    Attributes:
        output: the file. format: onnx, torchscript, torch-export, safetensors. quantize: "", int8, fp16.
        calibration: inputs for static int8; () for dynamic. opset: of ONNX; None takes torch's own.
        fixed_batch: the batch of the data is the only one that the file takes.
        tolerance: what may differ, in place of the default; see `verification.tolerance_for`.
        name: what the model is called.
    """

    output: Path
    format: str = ONNX
    quantize: str = ""
    calibration: tuple[Feed, ...] = ()
    opset: int | None = None
    fixed_batch: bool = False
    tolerance: float | None = None
    name: str = "model"


def checked(
    *, format: str | None = None, output: Any = None, quantize: str | None = None, name: str = "model",
    **more: Any,
) -> ExportOptions:  # fmt: skip
    """Return options that go together.

    Args:
        format: None takes that of the output's name, else ONNX. output: None is `<name>.<suffix>` here.

    Raises:
        UsageError: an unknown format, an output that cannot be written or belongs to another format, a
            quantisation that the format does not have.
    """
    path = Path(str(output)).expanduser() if output is not None else None
    of_name = format_of_name(path) if path is not None else None
    format = format or of_name or ONNX
    if format not in FORMATS:
        raise UsageError(
            f"`--format {format}`: it must be {', '.join(FORMATS)}.", suggestion=f"--format {ONNX}"
        )
    suffix = KNOWN[format].suffixes[0]
    if path is None:
        path = Path(f"{''.join(c if c.isalnum() or c in '-_' else '_' for c in name) or 'model'}{suffix}")
    if of_name is not None and of_name != format:
        raise UsageError(
            f"`{path.name}` is the name of a {KNOWN[of_name].said} file, and --format is {format}.",
            suggestion=f"--output {path.with_suffix(suffix)}, or --format {of_name}",
        )
    _check_quantize(format, quantize or "", more)
    _check_place(path)
    tolerance = more.get("tolerance")
    if tolerance is not None and not 0 < tolerance < 1:
        raise UsageError(
            f"`--tolerance {tolerance:g}`: it must be a share between 0 and 1.",
            suggestion="For example --tolerance 0.02",
        )
    return ExportOptions(path, format, quantize or "", name=name, **more)


def _check_quantize(format: str, quantize: str, more: dict[str, Any]) -> None:
    if quantize not in ("", INT8, FP16):
        raise UsageError(f"`--quantize {quantize}`: it must be int8 or fp16.", suggestion="--quantize int8")
    if quantize == INT8 and format != ONNX:
        why = "holds weights alone" if format == SAFETENSORS else "has no maintained int8 in PyTorch"
        raise UsageError(
            f"int8 is made for ONNX, by onnxruntime; {KNOWN[format].said} {why}.",
            suggestion="--format onnx --quantize int8, or --quantize fp16",
        )
    if more.get("calibration") and quantize != INT8:
        raise UsageError(
            "--calibration belongs to --quantize int8.", suggestion="--quantize int8 --calibration loader"
        )
    if more.get("opset") is not None and format != ONNX:
        raise UsageError("--opset belongs to --format onnx.", suggestion="Leave it out.")


def _check_place(path: Path) -> None:
    folder = path.absolute().parent
    if path.is_dir():
        raise UsageError(f"`{path}` is a folder.", suggestion=f"--output {path / 'model.onnx'}")
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder `{folder}` to write into.", suggestion="Make it first, or give another."
        )
    if not os.access(folder, os.W_OK):
        raise UsageError(f"`{folder}` cannot be written to.", suggestion="--output FILE in another folder.")
