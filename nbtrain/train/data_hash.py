"""The hash of the data a run trains on, for its manifest: equal means the same samples in the same order.

Only what lies in memory as it was handed over is read: tensors, arrays, lists of plain values, and what is
made of them by `Subset`, `ConcatDataset` or a data set with `data` and `targets` (the form of torchvision's).
What a data set makes when it is asked, from files or by augmentation, is not run for this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset

MOST_BYTES = 128 << 20  # a third of a second on a slow core; more is not hashed at all
MOST_VALUES = 1_000_000  # Python objects in lists
_PLAIN = (int, float, str, bytes, bool, type(None))


class _Unknown(Exception):
    """The data cannot be read without running it, or there is too much of it."""


def data_sha256(*loaders: Any) -> str | None:
    """Return the SHA-256 of the data of some loaders, in hex; None where it cannot be known cheaply.

    Args:
        loaders: each a DataLoader or a sequence of batches; None stands for no data.
    """
    digest, left = hashlib.sha256(), [MOST_BYTES, MOST_VALUES]
    try:
        for loader in loaders:
            for kind, content in _parts(getattr(loader, "dataset", loader)):
                left[0] -= len(content)
                left[1] -= 1
                if min(left) < 0:
                    return None
                digest.update(f"{kind}:{len(content)};".encode())
                digest.update(content)
    except (_Unknown, RuntimeError, TypeError, ValueError):  # what torch cannot view, what holds itself
        return None
    return digest.hexdigest()


def _parts(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield kind and bytes of everything a data set holds, in order."""
    if isinstance(data, torch.Tensor):
        if data.is_sparse or data.numel() * data.element_size() > MOST_BYTES:
            raise _Unknown
        raw = data.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        yield f"{data.dtype} {tuple(data.shape)}", memoryview(raw)
    elif isinstance(data, np.ndarray) and data.dtype.kind in "biufcSU":
        if data.nbytes > MOST_BYTES:
            raise _Unknown
        yield f"{data.dtype.str} {data.shape}", np.ascontiguousarray(data).tobytes()
    elif isinstance(data, _PLAIN):
        yield type(data).__name__, data if isinstance(data, bytes) else repr(data).encode()
    elif type(data) in (list, tuple):
        if len(data) > MOST_VALUES:
            raise _Unknown
        yield type(data).__name__, str(len(data)).encode()
        if {int, float, bool, str, type(None)}.issuperset(map(type, data)):
            yield "values", repr(data).encode()
            return
        for part in data:
            yield from _parts(part)
    elif type(data) is dict:
        yield "dict", str(len(data)).encode()
        for key, part in data.items():
            yield from _parts(key)
            yield from _parts(part)
    else:
        yield type(data).__name__, b""
        for part in _held_by(data):
            yield from _parts(part)


def _held_by(data: Any) -> Sequence[Any]:
    """Return what a data set of a known form holds."""
    if type(data) is Subset:
        if len(data.indices) > MOST_VALUES:
            raise _Unknown
        return [list(map(int, data.indices)), data.dataset]
    if type(data) is ConcatDataset:
        return list(data.datasets)
    if type(data) is TensorDataset:
        return list(data.tensors)
    held = vars(data) if hasattr(data, "__dict__") else {}
    if isinstance(held.get("data"), (torch.Tensor, np.ndarray)) and "targets" in held:
        return [held["data"], held["targets"]]
    raise _Unknown
