"""The processes of a distributed training waited too long for each other.

What it is
One rank did not come to a collective operation (all-reduce, barrier) in time.

Why it happens
One rank failed, ran out of memory or of data, or does more than the others (evaluation or saving on
rank 0 only); or the network does not work.

How to fix
Look at the log of each rank for the first error. Give all ranks the same number of batches; put
collectives where all ranks come by; raise the timeout only where a rank really needs longer.

Example
```text
[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, OpType=BROADCAST, NumelIn=131072000, NumelOut=131072000, Timeout(ms)=600000) ran for 600081 milliseconds before timing out.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "collective-timeout",
    __name__,
    kinds=(),
    texts=(
        r"(?:\[Rank (?P<rank>\d+)\] )?Watchdog caught collective operation timeout: \w+\((?:[^)]*OpType=(?P<operation>\w+))?",
        r"Timed out waiting \d+ms for (?P<operation>\w+) operation to complete",
        r"wait timeout after \d+ms, keys: ",
        r"^Socket Timeout$",
    ),
    what="The ranks waited for each other in {operation}.",
    code='dist.init_process_group("nccl", timeout=timedelta(minutes=60))',
)
