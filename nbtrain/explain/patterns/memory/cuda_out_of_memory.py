"""The memory of the GPU does not suffice.

What it is
Weights, gradients, the optimizer's state, activations and other processes together need more than the
GPU has.

Why it happens
Activations grow with the batch and the length of sequences. Results kept with their graph
(`losses.append(loss)`), and the frames of a failed cell, hold memory too; so do other notebooks on the
same GPU.

How to fix
Halve the batch and accumulate gradients over two batches. Train under bfloat16. Keep numbers, not
tensors: `loss.item()`. Let go of a failed cell: `nbtrain.free()`. Evaluate under `torch.no_grad()`.

Example
```text
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB of which 1.19 GiB is free.
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
    "cuda-out-of-memory",
    __name__,
    kinds=("OutOfMemoryError", "RuntimeError", "AcceleratorError", "OutOfMemory"),
    texts=(
        r"(?:CUDA|HIP) out of memory\. Tried to allocate (?P<wanted>[\d.]+ \w+)[\s\S]*?total capaci?ty of (?P<total>[\d.]+ \w+) of which (?P<free>[\d.]+ \w+) is free",
        r"(?:CUDA|HIP) out of memory\. Tried to allocate (?P<wanted>[\d.]+ \w+)[\s\S]*?; (?P<total>[\d.]+ \w+) total capacity; [\d.]+ \w+ already allocated; (?P<free>[\d.]+ \w+) free",
        r"(?:CUDA|HIP) out of memory",
        r"CUDA error: out of memory",
        r"(?:CUBLAS|CUDNN)_STATUS_ALLOC_FAILED",
    ),
    what="{wanted} more were asked for; the GPU has {total}, of which {free} were free.",
    short_of_memory=True,
    tell=tell,
)
