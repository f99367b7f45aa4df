"""The processes of a distributed training did not find each other.

What it is
They meet at one address and port, and it did not answer.

Why it happens
A wrong MASTER_ADDR or MASTER_PORT, a firewall, a wrong world size, or variables that torchrun would
have set.

How to fix
Start with `torchrun --nproc_per_node=N train.py`, which sets them; in a notebook one process needs
MASTER_ADDR=localhost, MASTER_PORT, RANK=0 and WORLD_SIZE=1.

Example
```text
ValueError: Error initializing torch.distributed using env:// rendezvous: environment variable RANK expected, but not set
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "rendezvous-failed",
    __name__,
    kinds=(),
    texts=(
        r"Error initializing torch\.distributed using env:// rendezvous: environment variable (\w+) expected, but not set",
        r"Timed out after (\d+) seconds waiting for clients\.[^\n]*",
        r"The client socket has (?:timed out|failed to connect)",
    ),
    code='import os\nos.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": "29500", "RANK": "0", "WORLD_SIZE": "1"}',
)
