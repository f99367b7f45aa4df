"""Running out of memory: how it is recognised, and how all that the failed step held is let go."""

from __future__ import annotations

import gc
import traceback
from typing import Any

import torch

_KIND: Any = getattr(torch, "OutOfMemoryError", None) or torch.cuda.OutOfMemoryError  # torch 2.4 has no other
# Where the type says nothing: allocators of the CPU, of Apple's GPU, and libraries that ask CUDA themselves
_TEXTS = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_SUPPORTED",  # what cuDNN says when its workspace does not fit
    "MPS backend out of memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception means that there was not enough memory, on a device or on the host."""
    if isinstance(error, (_KIND, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)


def drop_frames(error: BaseException) -> None:
    """Have an exception hold no frames: they keep the step's tensors alive."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        waiting += [part.__cause__, part.__context__]
        if part.__traceback__ is not None:
            traceback.clear_frames(part.__traceback__)
        part.__traceback__ = part.__cause__ = part.__context__ = None


def give_memory_back() -> None:
    """Collect what nobody holds, and return cached blocks to the device. Call it after the `except` block."""
    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
