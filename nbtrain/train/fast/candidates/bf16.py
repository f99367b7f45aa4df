"""Forward and backward under bfloat16 autocast.

What it does: matrix products and convolutions are computed in bfloat16; weights, their gradients and the
optimizer stay in float32, and no gradient scaling is needed, for the exponent has as many bits. Where the
hardware multiplies bfloat16 natively (NVIDIA from Ampere on, CPUs with AMX or AVX-512 BF16) that is up to
several times faster; elsewhere it is slower, which is why it is measured.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from nbtrain.train.fast.candidate import REDUCED, Candidate, Scene, Setting
from nbtrain.train.precision import Precision


def unfit(scene: Scene) -> str:
    """Leave alone what the person chose, and weights that are not float32."""
    if "precision" in scene.options.given:
        return f"you set precision {scene.options.precision}"
    kinds = {p.dtype for p in scene.model.parameters() if p.is_floating_point()}
    if kinds != {torch.float32}:
        return f"the weights are {', '.join(sorted(str(kind).removeprefix('torch.') for kind in kinds))}"
    if scene.device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return "this GPU does not compute bfloat16"
    return "" if scene.device.type in ("cpu", "cuda") else f"no autocast of ours on {scene.device.type}"


def change(setting: Setting, scene: Scene) -> Setting:
    """Run the forward under autocast."""
    return replace(setting, precision=Precision("bf16", scene.device.type, torch.bfloat16, scaled=False))


CANDIDATE = Candidate("bf16", "bf16 autocast", 30, REDUCED, unfit, change)
