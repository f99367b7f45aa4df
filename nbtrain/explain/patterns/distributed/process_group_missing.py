"""Distributed functions are used without a process group.

What it is
`init_process_group` has to come first.

Why it happens
The script was started without torchrun, or a DistributedSampler, DDP or SyncBatchNorm is used on one
device.

How to fix
Call `torch.distributed.init_process_group(...)`, or leave the distributed parts out when there is one
process.

Example
```text
ValueError: Default process group has not been initialized, please make sure to call init_process_group.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "process-group-missing",
    __name__,
    kinds=(),
    texts=(
        r"Default process group has not been initialized",
        r"(trying to initialize the default process group twice)",
    ),
    code='torch.distributed.init_process_group("gloo")',
)
