"""Train on the person's own objects for a moment, and leave no trace of it: also when interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from nbtrain.notebook.rng import preserved_rng
from nbtrain.train.memento import Memento


@contextmanager
def everything_put_back(model: nn.Module, memento: Memento, *, keep_generators: bool) -> Iterator[None]:
    """Restore everything after the block, whatever happens in it; an interrupt waits until that is done."""
    generators = preserved_rng(*memento.generators, everywhere=keep_generators)
    with _interrupts_late() as late, generators, torch.enable_grad():
        try:
            for parameter in model.parameters():
                parameter.grad = None  # set aside: what a backward adds to must not be the person's
            with late.let_through():
                yield
        finally:
            memento.restore()


class _Late:
    """Holds an interrupt back. `let_through`: not within this block."""

    def __init__(self) -> None:
        self.open = False
        self.came = False

    @contextmanager
    def let_through(self) -> Iterator[None]:
        self.open = True
        try:
            yield
        finally:
            self.open = False

    def handle(self, number: int, frame: Any) -> None:
        if self.open:
            self.open = False  # a second one does not break into what puts things back
            raise KeyboardInterrupt
        self.came = True


@contextmanager
def _interrupts_late() -> Iterator[_Late]:
    """Have Ctrl-C, and Jupyter's square button, wait while things are put back (main thread only)."""
    late = _Late()
    if threading.current_thread() is not threading.main_thread():
        yield late
        return
    before = signal.signal(signal.SIGINT, late.handle)
    try:
        yield late
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)
    if late.came:
        raise KeyboardInterrupt
