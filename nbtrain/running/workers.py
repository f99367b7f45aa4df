"""Iterating a person's loader from a background thread of a notebook.

Jupyter's interrupt signals the whole process group, which would kill the loader's worker processes although
the run
goes on: while an epoch's workers are started, the loader's worker_init_fn makes them ignore SIGINT.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch.utils.data import DataLoader


class IgnoreInterrupt:
    """A worker_init_fn that ignores SIGINT, then does what the person's own one does. Picklable for spawn."""

    def __init__(self, inner: Callable[[int], Any] | None) -> None:
        self.inner = inner

    def __call__(self, worker: int) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self.inner is not None:
            self.inner(worker)


def iterate(loader: Iterable[Any]) -> Iterator[Any]:
    """Return `iter(loader)`, its workers deaf to the notebook's interrupt;
    the loader's settings stay as they were.
    """
    if not isinstance(loader, DataLoader) or not loader.num_workers:
        return iter(loader)
    inner = loader.worker_init_fn
    if isinstance(inner, IgnoreInterrupt):
        return iter(loader)
    loader.worker_init_fn = IgnoreInterrupt(inner)
    try:
        return iter(loader)
    finally:
        loader.worker_init_fn = inner
