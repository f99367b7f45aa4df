"""The memory that Apple's GPU may use does not suffice.

What it is
MPS shares the memory of the machine and takes up to a limit.

Why it happens
The batch is too large, or tensors of earlier cells are still held.

How to fix
Halve the batch and accumulate; `torch.mps.empty_cache()` after letting go of tensors; close other
programs. PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 lifts the limit, and may freeze the machine.

Example
```text
RuntimeError: MPS backend out of memory (MPS allocated: 5.56 GB, other allocations: 1.10 GB, max allowed: 6.80 GB). Tried to allocate 768.00 MB on private pool.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import batch_pairs


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    name, pairs = batch_pairs(sight)
    if not pairs:
        return None
    told = ", ".join(f"{batch} with {times} accumulated" for batch, times in pairs)
    batch, times = pairs[0]
    fix = f"Smaller batches with the same samples in a step, for `{name}`: {told}. Then half precision, or checkpointing."
    return Said(fix=fix, code=f"%train --accumulate {times}  # with batch_size={batch} in {name}")


PATTERN = Pattern(
    "mps-out-of-memory",
    __name__,
    kinds=("RuntimeError", "OutOfMemory"),
    texts=(
        r"MPS backend out of memory \(MPS allocated: ([\d.]+ \w+), other allocations: ([\d.]+ \w+), max allowed: ([\d.]+ \w+)\)\. Tried to allocate ([\d.]+ \w+)",
        r"MPS backend out of memory",
    ),
    what="{4} more were asked for; MPS held {1}, other programs {2}, and {3} are allowed.",
    short_of_memory=True,
    tell=tell,
)
