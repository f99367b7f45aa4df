"""Matrix products of float32 in TF32.

What it does: the tensor cores of NVIDIA GPUs (Ampere and newer) multiply with 10 bits of mantissa and add up
in float32. The switch holds for the whole process, so it is put back when the run ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nbtrain.train.fast.candidate import REDUCED, Candidate, Scene


def unfit(scene: Scene) -> str:
    """CUDA alone, and only where it is off."""
    if scene.device.type != "cuda":
        return "no CUDA"
    if torch.cuda.get_device_capability(scene.device)[0] < 8:
        return "this GPU has no TF32"
    return "" if torch.get_float32_matmul_precision() == "highest" else "on already"


def switch_on(scene: Scene) -> Callable[[], None]:
    """Let torch use TF32; return what takes it back."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    return lambda: torch.set_float32_matmul_precision(before)


def marks() -> dict[str, Any]:
    """Return how a fingerprint reads while it is on."""
    return {"matmul_precision": "high", "tf32": [True, torch.backends.cudnn.allow_tf32]}


CANDIDATE = Candidate("tf32", "TF32 matrix products", 10, REDUCED, unfit, switch_on=switch_on, marks=marks)
