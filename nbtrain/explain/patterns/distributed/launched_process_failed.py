"""A process that torchrun started has failed.

What it is
torchrun says which of its processes ended, not why: each process printed its own traceback before.

Why it happens
An error in the script, in the process of the rank that is named. Exit code -9 is a process that the
system ended, mostly for want of memory; -11 is a crash in compiled code.

How to fix
Read the first traceback further up, of that rank. `@record`
(torch.distributed.elastic.multiprocessing.errors) on `main` brings it into this message; one process
(`--nproc_per_node=1`) shows it alone.

Example
```text
torch.multiprocessing.spawn.ProcessExitedException: process 0 terminated with signal SIGKILL
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "launched-process-failed",
    __name__,
    kinds=("ChildFailedError", "ProcessExitedException", "ProcessRaisedException"),
    texts=(
        r"(\S+) FAILED",
        r"process \d+ terminated with (?:signal|exit code) (\S+)",
    ),
    code="torchrun --nproc_per_node=1 train.py",
    needs_type=True,
)
