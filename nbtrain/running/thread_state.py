"""What torch keeps for each thread, carried from the notebook's thread to the training thread.

A default device set in a cell, the current CUDA device and the gradient mode are all local to a thread:
without this a model that makes tensors in `forward` would make them elsewhere than in a loop by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch


def thread_state(device: torch.device, *, grad: bool = True) -> Callable[[], AbstractContextManager[None]]:
    """Return a context for another thread that stands as this one does.

    Args:
        device: where the model trains; made the current one if it is a CUDA device.
        grad: the gradient mode there.
    """
    default = torch.get_default_device()

    @contextmanager
    def entered() -> Iterator[None]:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        # entered only when needed: a default device costs a look at every call of torch
        with torch.set_grad_enabled(grad), nullcontext() if default.type == "cpu" else default:
            yield

    return entered
