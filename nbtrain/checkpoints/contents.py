"""What a checkpoint holds, whatever wrote it: weights, optimizer, numbers, and whether it is sound."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbtrain.checkpoints.pickles import Scan

# Where frameworks put a state_dict, likeliest first.
STATE_KEYS = (
    "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "params",
    "generator", "student", "ema", "ema_state_dict", "model_ema", "encoder", "G", "D", "discriminator",
)  # fmt: skip
NUMBER_WORDS = (
    "loss", "acc", "epoch", "step", "iter", "lr", "best", "score", "f1", "auc", "bleu", "perplexity",
    "metric", "error", "mse", "mae", "rmse", "iou", "map", "dice", "wer", "psnr", "ssim",
)  # fmt: skip
NESTED_WORDS = ("metric", "best", "score", "result", "stats", "log")


@dataclass(frozen=True)
class OptimizerState:
    """An optimizer as saved. `state_bytes`: of its tensors. `entries`: parameters that have state."""

    key: str
    groups: tuple[dict[str, Any], ...]
    entries: int
    state_bytes: int


@dataclass(frozen=True)
class Contents:
    """A checkpoint laid open.

    Attributes:
        path: as given. format: in words. weights: name -> tensor, on the CPU.
        loadable: it could be read. safe: loading it runs no code; None where that does not arise.
        problems: what is wrong, as sentences. epoch, step: counters, None where none is kept.
        metrics: names and numbers kept beside the weights. optimizers: as saved.
        other: further entries of the file, key -> what it is. scan: what its pickle would do.
        previous: the newest good checkpoint beside a damaged one, "" for none.
        parts: other state_dicts in the file, key -> number of tensors.
    """

    path: str
    format: str
    weights: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    loadable: bool = True
    safe: bool | None = True
    problems: tuple[str, ...] = ()
    epoch: int | None = None
    step: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    optimizers: tuple[OptimizerState, ...] = ()
    other: Mapping[str, str] = field(default_factory=dict)
    scan: Scan | None = None
    previous: str = ""
    parts: Mapping[str, int] = field(default_factory=dict)
    size_bytes: int = 0

    @property
    def parameters(self) -> int:
        """Numbers in the weights without `buffers`; tensors that share memory are counted once."""
        return _numbers_of(one for name, one in self.weights.items() if not _counted(name))

    @property
    def buffers(self) -> int:
        """Numbers that torch.nn's normalisation layers count and do not learn; other buffers are not told."""
        return _numbers_of(one for name, one in self.weights.items() if _counted(name))


def _counted(name: str) -> bool:
    return name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked")


def _numbers_of(tensors: Iterable[Tensor]) -> int:
    return sum(one.numel() for one in {_place(one): one for one in tensors}.values())


def _place(tensor: Tensor) -> tuple[Any, ...]:
    if tensor.layout is not torch.strided or tensor.is_meta or not tensor.numel():
        return (id(tensor),)
    return tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tuple(tensor.shape), tensor.dtype


def laid_open(path: str, kind: str, payload: Any, **more: Any) -> Contents:
    """Return what a loaded payload holds: a bare state_dict, or a mapping with one in it."""
    if isinstance(payload, Tensor):
        payload = {"tensor": payload}
    if isinstance(payload, torch.nn.Module):
        payload = payload.state_dict()
    if not isinstance(payload, Mapping):
        said = f"It holds a {type(payload).__name__}, no weights by name."
        return Contents(path, kind, problems=(said,), **more)
    if is_state_dict(payload):
        return Contents(path, f"{kind}, a bare state_dict", weights=tensors_of(payload), **more)
    states = {key: value for key, value in _candidates(payload).items() if is_state_dict(value)}
    chosen = next((key for key in STATE_KEYS if key in states), next(iter(states), ""))
    optimizers = tuple(_optimizers(payload))
    known = {chosen, *(one.key.partition("[")[0] for one in optimizers)}
    numbers = _numbers(payload)
    other = {
        str(key): _in_words(value)
        for key, value in payload.items()
        if key not in known and key not in states and key not in numbers
    }
    problems = () if states else ("No weights by name were found in it.",)
    return Contents(
        path, kind, weights=tensors_of(states[chosen]) if states else {}, optimizers=optimizers, other=other,
        epoch=_whole(payload, "epoch", "current_epoch", "epochs_run"),
        step=_whole(payload, "global_step", "step", "iteration", "iter", "steps"),
        metrics={key: value for key, value in numbers.items() if key not in _COUNTERS},
        parts={key: len(tensors_of(value)) for key, value in states.items() if key != chosen},
        problems=(*problems, *more.pop("problems", ())), **more,
    )  # fmt: skip


_COUNTERS = ("epoch", "current_epoch", "epochs_run", "global_step", "step", "iteration", "iter", "steps")


def _candidates(payload: Mapping[Any, Any]) -> dict[str, Any]:
    found = {str(key): _flat(value) for key, value in payload.items() if isinstance(value, Mapping)}
    for key, value in payload.items():
        if isinstance(value, torch.nn.Module):
            found[str(key)] = value.state_dict()
    return found


def is_state_dict(value: Any) -> bool:
    """Say whether a mapping is weights by name: string keys, tensors but for a few extras."""
    if not isinstance(value, Mapping) or not value or not all(isinstance(key, str) for key in value):
        return False
    tensors = sum(_as_tensor(one) is not None for one in value.values())
    return tensors > 0 and tensors >= 0.8 * len(value)


def tensors_of(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a state_dict; numpy's arrays of numbers are some."""
    return {str(key): one for key, value in state.items() if (one := _as_tensor(value)) is not None}


def _as_tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):  # plain: one in a file may bring attributes in place of its methods
        return None if value.is_nested else Tensor.detach(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
        with contextlib.suppress(TypeError):  # a type of number that torch does not have
            return torch.from_numpy(np.array(value))
    return None


def _flat(value: Mapping[Any, Any], depth: int = 3) -> Mapping[Any, Any]:
    """Return a mapping of state_dicts (`{"encoder": {...}, "decoder": {...}}`) as one, else the mapping."""
    several = bool(value) and all(isinstance(one, Mapping) for one in value.values())
    if not depth or not several or is_state_dict(value):
        return value
    parts = {str(key): _flat(one, depth - 1) for key, one in value.items()}
    if not all(map(is_state_dict, parts.values())):
        return value
    return {f"{key}.{name}": one for key, part in parts.items() for name, one in part.items()}


def _optimizers(payload: Mapping[Any, Any]) -> list[OptimizerState]:
    found = []
    for key, value in payload.items():
        several = value if isinstance(value, (list, tuple)) else [value]
        for place, one in enumerate(several):
            if isinstance(one, Mapping) and isinstance(one.get("param_groups"), list) and "state" in one:
                name = f"{key}[{place}]" if len(several) > 1 else str(key)
                found.append(_optimizer(name, one))
    return found


def _optimizer(name: str, state: Mapping[str, Any]) -> OptimizerState:
    groups = tuple(
        {
            str(key): (_length(value) if key == "params" else value)
            for key, value in group.items()
            if key == "params"
            or (isinstance(value, (int, float, bool, str, tuple, list)) and key != "param_names")
        }
        for group in state["param_groups"]
        if isinstance(group, Mapping)
    )
    entries = state["state"] if isinstance(state["state"], Mapping) else {}
    n_bytes = sum(
        part.numel() * part.element_size()
        for entry in entries.values()
        if isinstance(entry, Mapping)
        for part in tensors_of(entry).values()
    )
    return OptimizerState(name, groups, len(entries), n_bytes)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (list, tuple)) else 0


def _numbers(payload: Mapping[Any, Any]) -> dict[str, float]:
    """Numbers that look like counters and metrics, also one level down (`metrics`, `best`, ...)."""
    found: dict[str, float] = {}
    for key, value in payload.items():
        name = str(key)
        number = _number(value)
        if number is not None and any(word in name.lower() for word in NUMBER_WORDS):
            found[name] = number
        elif isinstance(value, Mapping) and "param_groups" not in value and len(value) <= 50:
            named = any(word in str(key).lower() for word in NESTED_WORDS)
            inner = {str(k): _number(v) for k, v in value.items()} if named else {}
            found |= {f"{key}.{k}": v for k, v in inner.items() if v is not None}
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor):
        one = _as_tensor(value)
        if one is None or one.layout is not torch.strided or one.device.type != "cpu":
            return None
        return float(one) if one.numel() == 1 and not one.is_complex() else None
    if isinstance(value, bool) or (not isinstance(value, (int, float)) and type(value).__module__ != "numpy"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _whole(payload: Mapping[Any, Any], *names: str) -> int | None:
    for name in names:
        number = _number(payload.get(name))
        if number is not None and math.isfinite(number):
            return int(number)
    return None


def _in_words(value: Any) -> str:
    if isinstance(value, Tensor) and value.is_nested:
        return "nested tensor"
    if isinstance(value, Tensor):
        value = Tensor.detach(value)
        return f"tensor {tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, (Mapping, list, tuple, set)):
        return f"{type(value).__name__} of {len(value)}"
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        return f"{type(value).__name__} that is too large to be written"
    except Exception:  # a class of somebody's code, trusted
        return type(value).__name__
    return text if len(text) <= 60 else f"{text[:59]}…"
