"""A worker process of the loader died.

What it is
The process is gone without an exception of its own.

Why it happens
The system ended it for want of memory (`Killed`), a library crashed in it (`Segmentation fault`), or
the data set ended its process.

How to fix
Run once with `num_workers=0`, which shows what happens. For want of memory: fewer workers, no copies of
large lists (numpy arrays or memory maps in place of lists of Python objects).

Example
```text
RuntimeError: DataLoader worker (pid 9833) is killed by signal: Killed.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    loaders = {name: one.num_workers for name, one in sight.of_type("DataLoader").items() if one.num_workers}
    if len(loaders) != 1:
        return None
    name, workers = next(iter(loaders.items()))
    signal = found[2].strip() if found.re.groups > 1 else ""
    by = f" by the signal {signal}" if signal else ""
    return Said(
        f"A worker of `{name}` (num_workers={workers}), pid {found[1]}, ended{by}.",
        code=f"batch = next(iter(DataLoader({name}.dataset, batch_size={name}.batch_size)))  # in this process",
    )  # fmt: skip


PATTERN = Pattern(
    "worker-killed",
    __name__,
    kinds=("RuntimeError", "WorkerDied"),
    texts=(
        r"DataLoader worker \(pid (\d+)\) is killed by signal: (?!Bus error)([\w :]+)",
        r"DataLoader worker \(pid\(s\) ([\d, ]+)\) exited unexpectedly",
    ),
    what="The worker with pid {1} is gone.",
    code="DataLoader(dataset, num_workers=0)  # to see what happens",
    tell=tell,
)
