"""What one batch is made of: its parts, which of them is the input and which the target, how many samples.

Looks at one batch that somebody else fetched; knows nothing of loaders, and moves or changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

# How data sets and tokenizers call the thing to predict, and the thing to predict from.
TARGET_WORDS = ("labels", "label", "target", "targets", "y", "y_true", "class", "classes", "tgt")
INPUT_WORDS = ("input_ids", "pixel_values", "inputs", "input", "x", "image", "features", "data", "src")
MOST_PARTS = 64


@dataclass(frozen=True)
class BatchPart:
    """One part of a batch.

    Attributes:
        path: how code reaches it from the batch: `[0]`, `["image"]`, `.x`; "" for a batch that is one tensor.
        role: "input", "target" or "other".
        kind: class name. value: the part itself.
        shape: sizes, empty for a scalar, None for what has no shape. dtype: e.g. `float32`, or "".
    """

    path: str
    role: str
    kind: str
    shape: tuple[int, ...] | None
    dtype: str
    value: Any


@dataclass(frozen=True)
class BatchLayout:
    """What a batch is.

    Attributes:
        kind: "tensor", "tuple", "list", "dict", "object" (has `.to` and tensors as attributes) or "other".
        parts: its parts in order, containers inside it opened.
        size: number of samples (first dimension of the input), None when no tensor tells.
        input, target: the part fed to the model and the part compared with, or None.
    """

    kind: str
    parts: tuple[BatchPart, ...]
    size: int | None
    input: BatchPart | None
    target: BatchPart | None

    @property
    def usable(self) -> bool:
        """Say whether a model could be given this: there is at least one tensor in it."""
        return any(part.shape is not None for part in self.parts)


def batch_parts(batch: Any) -> BatchLayout:
    """Describe a batch: a tensor, tuple, list, dict, or an object with `.to` (a graph, an encoding).

    The target is the part called like one (`labels`, `target`, `y`, ...), else the last of two or more
    positional parts. The input is the part called like one, else the first tensor that is not the target.
    """
    kind = _kind(batch)
    leaves = list(_leaves(batch, kind))[:MOST_PARTS]
    target = _target_index(batch, kind, leaves)
    chosen = _input_index(leaves, target)
    parts = tuple(
        BatchPart(
            path=path,
            role="target" if index == target else "input" if index == chosen else "other",
            kind=type(value).__name__,
            shape=_shape(value),
            dtype=str(value.dtype).removeprefix("torch.") if isinstance(value, Tensor) else "",
            value=value,
        )
        for index, (path, value) in enumerate(leaves)
    )
    return BatchLayout(
        kind=kind,
        parts=parts,
        size=_size(batch, parts, chosen),
        input=None if chosen is None else parts[chosen],
        target=None if target is None else parts[target],
    )


def _kind(batch: Any) -> str:
    for name, classes in (("tensor", Tensor), ("tuple", tuple), ("list", list), ("dict", Mapping)):
        if isinstance(batch, classes):
            return name
    return "object" if callable(getattr(type(batch), "to", None)) else "other"


def _leaves(value: Any, kind: str, path: str = "", depth: int = 0) -> list[tuple[str, Any]]:
    if depth == 3 or kind in ("tensor", "other"):
        return [(path, value)]
    if kind in ("tuple", "list"):
        children = [(f"{path}[{index}]", child) for index, child in enumerate(value[:MOST_PARTS])]
        if not any(_has_tensor(child) for _, child in children):
            return [(path, value)] if depth else children
    elif kind == "dict":
        children = [(f"{path}[{key!r}]", child) for key, child in list(value.items())[:MOST_PARTS]]
    else:
        children = [(f"{path}.{key}", child) for key, child in _tensor_attributes(value)]
        if not children:
            return [(path, value)]
    found: list[tuple[str, Any]] = []
    for child_path, child in children:
        found += _leaves(child, _kind(child), child_path, depth + 1)
    return found


def _has_tensor(value: Any) -> bool:
    if isinstance(value, Tensor):
        return True
    if isinstance(value, Mapping):
        return any(_has_tensor(child) for child in list(value.values())[:MOST_PARTS])
    if isinstance(value, (tuple, list)):
        return any(_has_tensor(child) for child in value[:MOST_PARTS])
    return _kind(value) == "object"


def _tensor_attributes(value: Any) -> list[tuple[str, Tensor]]:
    """Tensors an object keeps: its attributes, or its items where it is a store with `keys` (PyG's Data)."""
    try:
        keys = value.keys() if callable(getattr(value, "keys", None)) else None
        if keys is not None:
            pairs = [(str(key), value[key]) for key in keys]
        else:
            pairs = [(key, child) for key, child in vars(value).items() if not key.startswith("_")]
    except Exception:  # a foreign object that cannot be listed is one opaque part
        return []
    return [(key, child) for key, child in pairs if isinstance(child, Tensor)]


def _last_word(path: str) -> str:
    return path.rpartition("[")[2].strip("]'\"").rpartition(".")[2].lower()


def _target_index(batch: Any, kind: str, leaves: list[tuple[str, Any]]) -> int | None:
    for word in TARGET_WORDS:
        for index, (path, _) in enumerate(leaves):
            if _last_word(path) == word:
                return index
    if kind in ("tuple", "list") and len(batch) >= 2:
        last = f"[{len(batch) - 1}]"
        return next((index for index, (path, _) in enumerate(leaves) if path.startswith(last)), None)
    return None


def _input_index(leaves: list[tuple[str, Any]], target: int | None) -> int | None:
    for word in INPUT_WORDS:
        for index, (path, _) in enumerate(leaves):
            if index != target and _last_word(path) == word:
                return index
    others = [index for index in range(len(leaves)) if index != target]
    tensors = [index for index in others if isinstance(leaves[index][1], Tensor)]
    return next(iter(tensors or others), None)


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None


def _size(batch: Any, parts: tuple[BatchPart, ...], chosen: int | None) -> int | None:
    graphs = getattr(batch, "num_graphs", None) if _kind(batch) == "object" else None
    if isinstance(graphs, int):
        return graphs
    order = parts if chosen is None else (parts[chosen], *parts)
    return next((part.shape[0] for part in order if part.shape), None)
