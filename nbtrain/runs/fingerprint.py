"""Where and how a run computes, as plain values, and what a difference means for exactness.

The table `REASONS` is what docs/reliability.md shows.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# what differs -> why a resumed run then is not the same to the bit
REASONS: dict[str, str] = {
    "torch": "another version of torch computes some operations in another order",
    "python": "another version of Python may draw other numbers",
    "numpy": "another version of numpy may draw other numbers",
    "cuda": "another version of CUDA has other kernels",
    "cudnn": "another version of cuDNN chooses other algorithms",
    "device": "another device rounds differently",
    "cpu": "a CPU with other vector instructions adds up in another order",
    "threads": "sums are split over the threads: another number of them rounds differently",
    "tf32": "TF32 rounds matrix products differently",
    "matmul_precision": "torch.set_float32_matmul_precision rounds matrix products differently",
    "deterministic": "deterministic algorithms are other algorithms",
    "cudnn_benchmark": "cuDNN's benchmark may choose another algorithm each time",
    "default_dtype": "new tensors have another dtype",
    "batch_size": "other batches",
    "drop_last": "the last batch is kept in one case and dropped in the other",
    "batches": "the data has another number of batches: epochs end elsewhere",
    "samples": "the data has another length: its order comes out otherwise",
    "loader": "the training data is another kind of loader",
    "sampler": "the loader has another kind of sampler",
    "workers": "without a seed, a loader without workers draws from the generators that the training uses",
    "precision": "another precision",
    "fast": "what makes steps faster (--fast) rounds differently",
    "accumulate": "other optimizer steps",
    "clip": "gradients are clipped differently",
    "scheduler": "another kind of learning-rate scheduler",
    "position": "the position in the data, or a generator, could not be found again",
    "mid_step": "the checkpoint was saved after an exception inside a step, whose draws and batch norm "
    "statistics were under way",
    "old": "the checkpoint is of an older nbtrain, which did not note the position in the data",
    "nondeterministic": "on CUDA, without --deterministic, some sums depend on timing",
    "hand": "a learning rate or another value was changed by hand after the checkpoint",
    "cells": "cells drew from the random generators, or changed objects, while it trained",
}
_SAID = {
    "matmul_precision": "float32 matmul precision", "cudnn_benchmark": "cuDNN benchmark",
    "default_dtype": "default dtype", "fast": "--fast", "batch_size": "batch size", "drop_last": "drop_last",
    "batches": "batches an epoch", "cpu": "CPU capability", "cudnn": "cuDNN", "cuda": "CUDA", "tf32": "TF32",
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        what: key of REASONS where it breaks exactness, else a word for it. saved, now: both values.
        exact: False where the run cannot be the same to the bit. text: the sentence for the person.
    """

    what: str
    text: str
    saved: Any = None
    now: Any = None
    exact: bool = False


def machine(device: Any) -> dict[str, Any]:
    """Return what the machine, the libraries and their switches are. `device`: where the model trains."""
    import numpy as np
    import torch

    cuda = getattr(device, "type", str(device)) == "cuda"
    return {
        "torch": str(torch.__version__),
        "python": ".".join(map(str, sys.version_info[:2])),
        "numpy": np.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if cuda else None,
        "device": torch.cuda.get_device_name(device) if cuda else str(device),
        "cpu": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "tf32": [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32] if cuda else None,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn_benchmark": torch.backends.cudnn.benchmark if cuda else None,
        "default_dtype": str(torch.get_default_dtype()),
    }


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return what is different, in the order of the table; what one side does not know is passed over."""
    found = []
    for what, reason in REASONS.items():
        before, after = saved.get(what), now.get(what)
        if before is None or after is None or before == after:
            continue
        name = _SAID.get(what, what)
        found.append(
            Difference(
                what, f"{name} was {_shown(before)} and is {_shown(after)} now: {reason}.", before, after
            )
        )
    return found


def reason(what: str, detail: str = "") -> Difference:
    """Return a difference of the table that no two values show. `detail`: said in front, a sentence."""
    text = REASONS[what]
    return Difference(what, f"{detail} {text[0].upper()}{text[1:]}.".strip())


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if value == []:
        return "nothing"
    return " and ".join(map(_shown, value)) if isinstance(value, (list, tuple)) else str(value)
