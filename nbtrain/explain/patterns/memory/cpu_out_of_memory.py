"""The memory of this machine does not suffice.

What it is
More main memory was asked for than there is.

Why it happens
A whole data set read at once, a size computed wrongly, copies in each loader worker, or too large a
batch.

How to fix
Look at the size that was asked for: a wrong shape is often the reason. Read data piece by piece
(`np.load(..., mmap_mode="r")`, an IterableDataset), use float32 in place of float64, fewer workers,
smaller batches.

Example
```text
RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000000 bytes. Error code 12 (Cannot allocate memory)
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
    "cpu-out-of-memory",
    __name__,
    kinds=("RuntimeError", "MemoryError", "_ArrayMemoryError", "OSError", "OutOfMemory"),
    texts=(
        r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory): you tried to allocate (?P<said>\d+ bytes)",
        r"Unable to allocate (?P<said>[\d.]+ \w+) for an array with shape \(([\d, ]+)\)",
        r"^(?:Cannot allocate memory|\[Errno 12\] Cannot allocate memory)",
    ),
    what="{said} were asked for.",
    short_of_memory=True,
    tell=tell,
)
