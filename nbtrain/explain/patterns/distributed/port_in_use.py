"""The port of a distributed training is taken.

What it is
Another process listens there.

Why it happens
An earlier training still runs, or two start on one machine.

How to fix
Choose another port: `torchrun --master_port 29501` (or `--standalone`); end the earlier process.

Example
```text
torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. The server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use).
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "port-in-use",
    __name__,
    kinds=(),
    texts=(
        r"The server socket has failed to (?:listen on any local network address|bind to)",
        r"(?:EADDRINUSE)",
    ),
    code='os.environ["MASTER_PORT"] = "29501"',
)
