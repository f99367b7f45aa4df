"""Say in a few words what a value of the notebook is; cannot fail on a hostile one."""

from __future__ import annotations

import types
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset, RandomSampler, SequentialSampler

from nbtrain.notebook.modules import parameters_of, total_size
from nbtrain.units import counted, number, short_count

LONGEST_TEXT = 40


def attribute(value: Any, name: str) -> Any:
    """Return an attribute, None where asking for it fails in any way."""
    try:
        return getattr(value, name, None)
    except Exception:  # a foreign object may raise anything when asked; then it has no such attribute for us
        return None


def length(value: Any) -> int | None:
    """Return `len(value)`, None where it has none or asking fails."""
    try:
        return len(value)
    except Exception:  # iterable data sets have no length and say so in many ways
        return None


def scalar(value: Tensor) -> float | int | bool:
    """Return the one value of a tensor with the digits its type really has: 0.1, not 0.10000000149011612."""
    number = (
        value.item()
    )  # device sync: a learning rate kept as a tensor, read for a message or the inspector
    return float(f"{number:.7g}") if isinstance(number, float) and value.dtype.itemsize <= 4 else number


def lr_of(optimizer: Any) -> float | None:
    """Return the first group's learning rate as a float, None when it cannot be read."""
    try:
        lr = attribute(optimizer, "param_groups")[0]["lr"]
        return float(scalar(lr) if isinstance(lr, Tensor) else lr)
    except (TypeError, ValueError, KeyError, IndexError):
        return None


def article(word: str) -> str:
    """`Adam -> "an Adam"`, `StepLR -> "a StepLR"`; letters said one by one go by their sound: `an SGD`."""
    if word.startswith("nd"):  # ndarray, said "en dee array"
        return f"an {word}"
    spelled = word[:2].isupper()
    return f"{'an' if word[:1] in ('AEFHILMNORSX' if spelled else 'AEIOaeio') else 'a'} {word}"


def say(value: Any) -> str:
    """Say what a value is, with its article: `a DataLoader of 45 batches of 32`, `the class Net`."""
    kind = type(value)
    for classes, words in _SPEAKERS:
        if issubclass(kind, classes):
            return words(value)
    shape = (
        attribute(value, "shape")
        if kind.__module__.split(".")[0] in ("numpy", "pandas", "jax", "polars")
        else None
    )
    if isinstance(shape, tuple) and kind.__name__ != "type":
        return f"{article(kind.__name__)} of shape {shape}"
    return article(kind.__name__)


def say_kind(value: Any) -> str:
    """Say it shorter, for lists: the class, with a model's parameters or an optimizer's learning rate."""
    kind = type(value)
    if issubclass(kind, nn.Module):
        size = total_size(parameters_of(value))
        noun = "parameter" if size == 1 else "parameters"
        return f"{kind.__name__}, {short_count(size)} {noun}" if size else kind.__name__
    if issubclass(kind, Optimizer):
        lr = lr_of(value)
        return kind.__name__ if lr is None else f"{kind.__name__}, lr={number(lr)}"
    return say(value).removeprefix("an ").removeprefix("a ")


def _module(value: nn.Module) -> str:
    size = total_size(parameters_of(value))
    name = article(type(value).__name__)
    return f"{name} with {counted(size, 'parameter')}" if size else name


def _optimizer(value: Optimizer) -> str:
    lr = lr_of(value)
    return article(type(value).__name__) + ("" if lr is None else f" with lr={number(lr)}")


def _loader(value: DataLoader) -> str:
    batches, size = length(value), attribute(value, "batch_size")
    sampler = attribute(value, "sampler")
    order = {RandomSampler: ", shuffled", SequentialSampler: ", in order"}.get(type(sampler), "")
    each = f" of {size}" if isinstance(size, int) else ""
    if batches is None:
        return f"{article(type(value).__name__)} of batches{each}{order}"
    return f"{article(type(value).__name__)} of {counted(batches, 'batch', 'batches')}{each}{order}"


def _dataset(value: Any) -> str:
    samples = length(value)
    size = "" if samples is None else f" of {counted(samples, 'sample')}"
    return f"a data set ({type(value).__name__}){size}"


def _text(value: str) -> str:
    short = value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"
    return f"the text {short!r}"


def _items(value: Any) -> str:
    size = length(value)
    of = "" if size is None else f" of {counted(size, 'item')}"
    return article(type(value).__name__) + of


_SPEAKERS: tuple[tuple[Any, Any], ...] = (
    (type, lambda value: f"the class {type.__getattribute__(value, '__name__')}"),
    (nn.Module, _module),
    (Optimizer, _optimizer),
    (LRScheduler, lambda value: article(type(value).__name__)),
    (DataLoader, _loader),
    (Tensor, lambda value: f"a tensor of shape {tuple(value.shape)}"),
    (Dataset, _dataset),
    (types.ModuleType, lambda value: f"the module {attribute(value, '__name__')}"),
    (
        (types.FunctionType, types.BuiltinFunctionType),
        lambda value: f"the function {attribute(value, '__name__')}",
    ),
    (types.MethodType, lambda value: f"the method {attribute(value, '__name__')}"),
    (types.GeneratorType, lambda value: "a generator"),
    (bool, lambda value: str(value is True)),
    (type(None), lambda value: "None"),
    (
        (int, float),
        lambda value: (
            f"the number {float.__repr__(value) if isinstance(value, float) else int.__repr__(value)}"
        ),
    ),
    (str, _text),
    ((list, tuple, dict, set), _items),
)
