"""The library that connects GPUs failed.

What it is
NCCL could not talk to the other GPUs.

Why it happens
Another rank died first, two ranks use one GPU, the driver does not fit, shared memory of the container
is too small, or the network interface is the wrong one.

How to fix
Look at the other ranks' logs for the first error; call `torch.cuda.set_device(local_rank)`; run with
NCCL_DEBUG=INFO; containers need `--shm-size` or `--ipc=host`.

Example
```text
torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1333, unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.18.1
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "nccl-error",
    __name__,
    kinds=(),
    texts=(
        r"NCCL error in: [^\n,]+, ([\w ]+)",
        r"NCCL Error \d+: ([\w ]+)",
    ),
    what="It said: {1}.",
    code="torch.cuda.set_device(local_rank)",
)
