"""Precision of a run: which autocast the forward runs under and whether gradients are scaled."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from nbtrain.errors import UsageError


@dataclass(frozen=True)
class Precision:
    """How numbers are held. `dtype` None means no autocast;
    `scaled` means a GradScaler guards fp16 gradients.
    """

    name: str
    device_type: str
    dtype: torch.dtype | None
    scaled: bool

    def autocast(self) -> AbstractContextManager:
        """Return the context of one forward.
        Autocast is thread-local, so the training thread enters it itself.
        """
        return torch.autocast(self.device_type, self.dtype)

    def scaler(self) -> torch.amp.GradScaler | None:
        """Return a new GradScaler for fp16, None otherwise."""
        return torch.amp.GradScaler(self.device_type) if self.scaled else None


def choose_precision(asked: str, device: torch.device) -> Precision:
    """Resolve "32", "bf16", "16" or "auto" on a device.

    "auto" is bf16 where the GPU computes it natively and 32 elsewhere: on CPUs bf16 is often slower than
    fp32.

    Raises:
        UsageError: the device does not have the precision asked for.
    """
    kind = device.type
    if asked == "auto":
        asked = "bf16" if kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    if asked == "32":
        return Precision("32", kind, None, scaled=False)
    if asked == "bf16":
        if kind == "cuda" and not torch.cuda.is_bf16_supported():
            raise UsageError(
                f"precision is bf16, which {torch.cuda.get_device_name(device)} does not compute.",
                suggestion="Use precision 16 or 32.",
            )
        return Precision("bf16", kind, torch.bfloat16, scaled=False)
    if kind not in ("cpu", "cuda"):
        raise UsageError(
            f"precision 16 needs gradient scaling, which the device `{device}` does not have.",
            suggestion="Use bf16 or 32.",
        )
    return Precision("16", kind, torch.float16, scaled=True)
