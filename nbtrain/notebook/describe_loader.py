"""A loader as JSON-ready values: sizes, order, workers, and the fields of a batch somebody fetched."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nbtrain.notebook.batch import batch_parts
from nbtrain.notebook.describe_optimizer import plain
from nbtrain.notebook.loader_evidence import order_of
from nbtrain.notebook.wording import attribute, length


def describe_loader(loader: Any, name: str = "", sample: Any = None) -> dict[str, Any]:
    """Describe a loader; it is not iterated.

    Args:
        sample: a batch of it (see `sample_batch`), whose parts are then listed; None lists nothing.

    Returns:
        `{"name", "class", "dataset", "samples", "batch_size", "batches", "workers", "shuffle", "drop_last",
        "pin_memory", "sample": [{"field", "role", "shape", "dtype", "min", "max"}]}`; None where it cannot be
        told.
    """
    dataset = attribute(loader, "dataset")
    sampler = attribute(loader, "sampler")
    order = order_of(loader)
    samples = length(sampler) if sampler is not None else None
    batch_size = attribute(loader, "batch_size") or attribute(
        attribute(loader, "batch_sampler"), "batch_size"
    )
    return {
        "name": name,
        "class": type(loader).__name__,
        "dataset": type(dataset).__name__ if dataset is not None else "",
        "samples": samples if samples is not None else length(dataset) if dataset is not None else None,
        "batch_size": batch_size if isinstance(batch_size, int) else None,
        "batches": length(loader),
        "workers": _number(attribute(loader, "num_workers")),
        "shuffle": {"random": True, "sequential": False}.get(order),
        "drop_last": _flag(attribute(loader, "drop_last")),
        "pin_memory": _flag(attribute(loader, "pin_memory")),
        "sample": [] if sample is None else _fields(sample),
    }


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _fields(sample: Any) -> list[dict[str, Any]]:
    fields = []
    for part in batch_parts(sample).parts:
        low, high = _range(part.value)
        fields.append(
            {
                "field": part.path or "batch",
                "role": part.role,
                "shape": None if part.shape is None else list(part.shape),
                "dtype": part.dtype or part.kind,
                "min": low,
                "max": high,
            }
        )
    return fields


def _range(value: Any) -> tuple[Any, Any]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return plain(value), plain(value)
    if not isinstance(value, Tensor) or value.is_meta or not value.numel() or value.is_complex():
        return None, None
    dense = value.detach()
    try:
        low, high = dense.aminmax()
    except (RuntimeError, NotImplementedError):  # sparse, nested and some narrow types know no minimum
        return None, None
    return plain(low), plain(high)  # device sync: once per look at a sample
