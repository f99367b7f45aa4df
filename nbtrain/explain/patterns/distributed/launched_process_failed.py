"""A process that torchrun or mp.spawn started has failed.

What it is
torchrun and `mp.spawn` say which of their processes ended. Why is in that process's own traceback: printed
before, or after "terminated with the following error".

Why it happens
An error in the script, in the process that is named. Exit code -9 is a process that the system ended, mostly
for want of memory; -11 is a crash in compiled code.

How to fix
Read the first traceback of that rank. With torchrun, `@record`
(torch.distributed.elastic.multiprocessing.errors) on `main` brings it into this message; one process
(`--nproc_per_node=1`, or `nprocs=1` of `mp.spawn`) shows it alone.

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
        r"\s*-- Process (\d+) terminated with the following error",
    ),
    codes=((r"[Pp]rocess \d+ terminated", "mp.spawn(main, args=args, nprocs=1)"),),
    code="torchrun --nproc_per_node=1 train.py",
    needs_type=True,
)
