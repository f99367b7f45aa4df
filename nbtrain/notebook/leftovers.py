"""What a failed cell leaves in memory, and letting go of it.

A traceback holds the frames it went through, and they their variables: a batch, activations, a model. Python
keeps the last traceback for post-mortem debugging, IPython keeps it twice more. A front that knows its shell
registers a `Holder`, which hands out what the shell holds and forgets it.
"""

from __future__ import annotations

import gc
import sys
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from nbtrain import units

Held = BaseException | TracebackType
Holder = Callable[[], Iterable[Held]]  # forgets what it returns
Forgetter = Callable[[], int]  # forgets kept outputs; returns how many

holders: list[Holder] = []
output_keepers: list[Forgetter] = []
_LAST = ("last_exc", "last_value", "last_traceback", "last_type")


@dataclass(frozen=True)
class Freed:
    """What letting go came to.

    Attributes:
        tensors, tensor_bytes: tensors that are gone, and the memory behind them, on every device.
        cuda_bytes: memory that CUDA's allocator gave back to the device, also what lay unused before.
        had_traceback: there was a failed cell to let go of; `%debug` has nothing to look at any more.
        outputs: values of `Out` that were forgotten.
    """

    tensors: int
    tensor_bytes: int
    cuda_bytes: int
    had_traceback: bool
    outputs: int = 0

    def __str__(self) -> str:
        if not self.had_traceback and not self.outputs:
            said = "No failed cell is held: nothing to let go of."
        else:
            tensors = "1 tensor" if self.tensors == 1 else f"{units.count(self.tensors)} tensors"
            said = f"Let go of {tensors}, {units.size(self.tensor_bytes)}."
        if self.cuda_bytes > 0:
            said += f" {units.size(self.cuda_bytes)} of the GPU's memory are free again."
        if self.had_traceback:
            said += " %debug has nothing to look at any more."
        if self.outputs:
            said += f" Values of Out forgotten: {units.count(self.outputs)}."
        return said

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-ready values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def free(*, outputs: bool = False) -> Freed:
    """Let go of the memory of a failed cell; say how much came back.

    The frames of the last exception, and of those it was raised from, lose their variables: post-mortem
    debugging is over. Frames that still run, and what your own variables hold, stay as they are.

    Args:
        outputs: also forget the values of earlier cells (`Out[3]`, `_`, `__`).
    """
    before, cuda_before = _tensors(), _cuda_reserved()
    had_traceback = let_go(_held())
    forgotten = sum(forget() for forget in output_keepers) if outputs else 0
    gc.collect()
    _empty_caches()
    after = {id(tensor) for ref, *_ in before if (tensor := ref()) is not None}
    gone = [(place, size) for ref, place, size in before if ref() is None]
    kept = {place for ref, place, _ in before if ref() is not None}
    return Freed(
        len(before) - len(after), sum({place: size for place, size in gone if place not in kept}.values()),
        max(0, cuda_before - _cuda_reserved()), had_traceback, forgotten,
    )  # fmt: skip


def let_go(held: Iterable[Held]) -> bool:
    """Clear the frames of exceptions and tracebacks, of chained and grouped ones too; True if there were any.

    The exceptions stay, without their tracebacks.
    """
    some = False
    for part in _chained(held):
        if isinstance(part, TracebackType):
            some = True
            traceback.clear_frames(part)
        elif part.__traceback__ is not None:
            some = True
            traceback.clear_frames(part.__traceback__)
            part.__traceback__ = None
    return some


def _held() -> Iterator[Held]:
    """What Python and the shell hold of the last failure; forgotten by them."""
    for name in _LAST:
        value = sys.__dict__.pop(name, None)
        if isinstance(value, (BaseException, TracebackType)):
            yield value
    for holder in holders:
        yield from holder()


def _chained(held: Iterable[Held]) -> Iterator[Held]:
    seen: set[int] = set()
    waiting = list(held)
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, BaseException):
            waiting += [part.__cause__, part.__context__, *getattr(part, "exceptions", ())]


def _tensors() -> list[tuple[Any, tuple[Any, int], int]]:
    """(weak reference, where its memory lies, how many bytes that is) of each tensor there is."""
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    found = []
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor):  # isinstance would ask proxies, which may do anything
            try:
                storage = thing.untyped_storage()
                place = (str(thing.device), storage.data_ptr()) if storage.nbytes() else (None, id(thing))
                found.append((weakref.ref(thing), place, storage.nbytes()))
            except (RuntimeError, NotImplementedError, ValueError):  # sparse, fake, lazy: no one storage
                continue
    return found


def _cuda_reserved() -> int:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return 0
    return sum(torch.cuda.memory_reserved(index) for index in range(torch.cuda.device_count()))


def _empty_caches() -> None:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
