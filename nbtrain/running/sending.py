"""Data sets of a notebook, sent to workers that are not forked.

A worker started by spawn or forkserver (the default on Linux from Python 3.14 on) gets the data set as a
pickle, and a pickle names classes instead of holding them: what a cell defines is not found there.
cloudpickle holds them. Tensors go as torch sends them, through shared memory, not through the pickle.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections import ChainMap
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.reduction import ForkingPickler
from typing import Any

import cloudpickle
from torch.utils.data import IterDataPipe, MapDataPipe

PARTS = ("dataset", "collate_fn", "worker_init_fn")


class Sent:
    """Something that pickles as cloudpickle does, and arrives as itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return arrive, (packed(self.value),)


class _Pickler(cloudpickle.Pickler):
    """cloudpickle with multiprocessing's ways to send tensors, connections and locks."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.dispatch_table = ChainMap(ForkingPickler._extra_reducers, self.dispatch_table)
        self.named: dict[str, Any] = {}  # what the notebook calls by these names

    def reducer_override(self, thing: Any) -> Any:
        if getattr(thing, "__module__", None) == "__main__" and isinstance(thing, type):
            self.named[thing.__qualname__] = thing
        return super().reducer_override(thing)


def packed(value: Any) -> bytes:
    """Return a value as bytes, with the classes of the notebook in it."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump((value, pickler.named))  # in this order: when the names are written, all are known
    return file.getvalue()


def arrive(data: bytes) -> Any:
    """Return the value, in a worker; the notebook's classes get their names there, so that batches can name
    them on the way back.
    """
    value, names = pickle.loads(data)
    main = sys.modules["__main__"]
    for name, thing in names.items():
        if "." not in name and not hasattr(main, name):
            setattr(main, name, thing)
    return value


@contextmanager
def sendable(loader: Any, method: str) -> Iterator[None]:
    """Have workers that a DataLoader starts in the block get what the notebook defines.

    Args:
        method: how they are started; for "fork" there is nothing to send.
    """
    main = sys.modules["__main__"]
    vars(main).setdefault("__spec__", None)  # `%reset` takes it away, and multiprocessing reads it
    is_script = hasattr(main, "__file__") or main.__spec__ is not None  # a worker imports it
    datapipe = isinstance(loader.dataset, (IterDataPipe, MapDataPipe))  # torch looks at their kind
    if method == "fork" or is_script or datapipe:
        yield
        return
    own = vars(loader)  # a DataLoader refuses to have its data set set
    before = {part: own[part] for part in PARTS}
    own.update({part: Sent(value) for part, value in before.items() if value is not None})
    try:
        yield
    finally:
        own.update(before)


def unwrap(items: Any) -> None:
    """Give the parent's side of an iterator the data set itself again."""
    for name, value in list(getattr(items, "__dict__", {}).items()):
        if isinstance(value, Sent):
            setattr(items, name, value.value)
