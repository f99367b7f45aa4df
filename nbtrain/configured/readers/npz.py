"""Read .npz: arrays of inputs and targets, by their names."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nbtrain.configured.readers.samples import Samples, bad_data, numbered
from nbtrain.configured.shape import DataShape

SUFFIXES = (".npz",)
INPUTS = ("x", "inputs", "input", "data", "features", "images", "arr_0")
TARGETS = ("y", "targets", "target", "labels", "label", "arr_1")


def read(path: Path, *, target: str | None, like: Any = None, length: int | None = None) -> Samples:
    """Return the samples. Nothing pickled is read.

    Args:
        target: name of the target's array. like: the training data, for its classes. length: unused.

    Raises:
        InvalidConfig: an array is missing, of another length, or no numbers; names what is there.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise bad_data(str(path), "an .npz of plain arrays", str(error)[:150]) from None
    by_name = {name.lower(): name for name in arrays}
    known = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    x = next((by_name[name] for name in INPUTS if name in by_name), None)
    y = target if target in arrays else None if target else next(
        (by_name[name] for name in TARGETS if name in by_name), None
    )  # fmt: skip
    if x is None or y is None:
        missing = f"one of {', '.join(INPUTS)}" if x is None else target or f"one of {', '.join(TARGETS)}"
        raise bad_data(str(path), f"an array named {missing}", f"It holds {known or 'nothing'}.")
    return _samples(path, arrays[x], arrays[y], like)


def _samples(path: Path, x: Any, y: Any, like: Any) -> Samples:
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y) or not len(x):
        raise bad_data(
            str(path), "as many targets as samples, and at least one", f"They are {x.shape} and {y.shape}."
        )
    if x.dtype.kind not in "fiub" or y.dtype.kind not in "fiubU":
        raise bad_data(str(path), "arrays of numbers", f"They are {x.dtype} and {y.dtype}.")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise bad_data(
            str(path), "finite inputs", f"{int((~np.isfinite(x)).sum())} numbers are NaN or infinite."
        )
    inputs = torch.from_numpy(np.ascontiguousarray(x)).to(torch.float32)
    labels: tuple[Any, ...] = ()
    if y.dtype.kind == "U":
        target, labels = numbered(y.tolist(), like, str(path))
    else:
        target = torch.from_numpy(np.ascontiguousarray(y)).to(
            torch.float32 if y.dtype.kind == "f" else torch.int64
        )
    return Samples(inputs, target, described(inputs, target, like), labels)


def described(inputs: torch.Tensor, target: torch.Tensor, like: Any) -> DataShape:
    """Return the shape of samples of numbers; classes are counted in the training data."""
    classes = not target.is_floating_point()
    outputs = int(target.max()) + 1 if classes else int(target[0].numel()) if target.dim() > 1 else 1
    if classes and like is not None:
        outputs = max(outputs, like.shape.outputs)
    return DataShape(tuple(inputs.shape[1:]), outputs=outputs, classes=classes)
