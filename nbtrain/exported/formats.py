"""Which format a file is, told by what is in it and not by its name alone."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from nbtrain.errors import CheckpointCorrupted, UsageError

ONNX, TORCHSCRIPT, TORCH_EXPORT, SAFETENSORS = "onnx", "torchscript", "torch-export", "safetensors"
FORMATS = (ONNX, TORCHSCRIPT, TORCH_EXPORT, SAFETENSORS)


@dataclass(frozen=True)
class Known:
    """A format. `suffixes`: the first is the usual one. `said`: its name in sentences."""

    suffixes: tuple[str, ...]
    said: str


KNOWN = {
    ONNX: Known((".onnx",), "ONNX"),
    TORCHSCRIPT: Known((".pt", ".ts", ".pth", ".jit"), "TorchScript"),
    TORCH_EXPORT: Known((".pt2",), "torch.export"),
    SAFETENSORS: Known((".safetensors",), "safetensors"),
}


def format_of_name(path: Path) -> str | None:
    """Return the format that a file's name stands for."""
    return next((name for name, one in KNOWN.items() if path.suffix.lower() in one.suffixes), None)


def format_of_file(path: Path) -> str:
    """Return the format of an exported model.

    Raises:
        UsageError: there is no such file, or it holds weights and no program. CheckpointCorrupted: an archive
            that cannot be opened.
    """
    if not path.is_file():
        beside = sorted(one.name for one in path.parent.glob("*") if format_of_name(one))[:6]
        raise UsageError(
            f"There is no exported model `{path}`.",
            suggestion=f"In {path.parent}: {', '.join(beside)}." if beside else "Make one with export.",
            path=str(path),
        )
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            inside = [name.partition("/")[2] for name in archive.namelist()]
        if any(name.startswith("code/") for name in inside):
            return TORCHSCRIPT
        if any(name.startswith("models/") or "exported_program" in name for name in inside):
            return TORCH_EXPORT
        whole = archive.namelist()
        if any("exported_program" in name for name in whole):
            return TORCH_EXPORT
        raise _only_weights(path)
    if path.suffix.lower() == ".onnx":
        return ONNX
    if path.suffix.lower() in KNOWN[TORCHSCRIPT].suffixes + KNOWN[TORCH_EXPORT].suffixes:
        with path.open("rb") as handle:
            start = handle.read(2)
        if start == b"PK" or path.suffix.lower() == ".pt2":
            raise CheckpointCorrupted(
                f"{path} is no whole archive of torch: it was cut or changed.", path=str(path),
                suggestion="Export it again.",
            )  # fmt: skip
    raise _only_weights(path)


def _only_weights(path: Path) -> UsageError:
    return UsageError(
        f"`{path}` holds no program that could run: weights alone, or something else.",
        suggestion="Give an .onnx, a .pt2 of torch.export or a TorchScript file; export makes one of a model "
        "and its checkpoint.",
        path=str(path),
    )
