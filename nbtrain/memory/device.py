"""What a device has, and what it takes beside the tensors: lines that stand visibly next to the estimate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

GIB = 1024**3
MIB = 1024**2
# A CUDA context with torch's kernels, loaded lazily: 0.3 to 0.6 GiB, by GPU and version.
CONTEXT = round(0.45 * GIB)
# torch's workspace of cuBLAS: 4096 KiB x 2 + 16 KiB x 8 a handle and stream; 32 MiB from Hopper on
# (aten/src/ATen/cuda/CUDABlas: CUBLAS_WORKSPACE_CONFIG in PyTorch's notes on CUDA).
WORKSPACE = 32 * MIB
SLACK = 0.08  # of the tensors: what CUDA's caching allocator reserves beyond them, 5 to 10 %
LEFT_FREE = 0.10  # of the capacity: "fits" is said with this much to spare


@dataclass(frozen=True)
class Term:
    """Memory beside the tensors. `said`: where the number is from."""

    label: str
    n_bytes: int
    said: str


def terms_beside(device: torch.device, tensors: int) -> tuple[Term, ...]:
    """Return what a device takes beside tensors of so many bytes; nothing on a CPU."""
    if device.type != "cuda":
        return ()
    return (
        Term("CUDA context", CONTEXT, "about; 0.3 to 0.6 GiB by GPU and driver"),
        Term("cuBLAS workspace", WORKSPACE, "torch's default on Hopper; 8 MiB before"),
        Term("Allocator slack", round(SLACK * tensors), "8 % of the tensors; 5 to 10 % as a rule"),
    )


def capacity_of(device: torch.device) -> int | None:
    """Return how many bytes a device offers a run now; None where it cannot be asked."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1] if torch.cuda.is_available() else None
    if device.type == "cpu":
        return _available_host()
    return None


def free_on(device: torch.device) -> int | None:
    """Return how many bytes of a device nobody holds now; None where it cannot be asked."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] if torch.cuda.is_available() else None
    return capacity_of(device)


def _available_host() -> int:
    """Bytes that this machine can give without swapping, within the container's limit (cgroup v2)."""
    free = psutil.virtual_memory().available
    limit, used = _number("/sys/fs/cgroup/memory.max"), _number("/sys/fs/cgroup/memory.current")
    return free if limit is None or used is None else min(free, max(0, limit - used))


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text("ascii"))
    except (OSError, ValueError):  # no such file, or "max"
        return None
