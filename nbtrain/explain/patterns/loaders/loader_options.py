"""Options of a loader exclude each other.

What it is
Some options need workers, others replace each other.

Why it happens
`persistent_workers` or `prefetch_factor` without workers; `shuffle` beside a sampler; a batch size that
is no positive whole number.

How to fix
Leave out one of the two that the message names.

Example
```text
ValueError: persistent_workers option needs num_workers > 0
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "loader-options",
    __name__,
    kinds=("ValueError",),
    texts=(
        r"(persistent_workers) option needs num_workers > 0",
        r"(prefetch_factor) option could only be specified in multiprocessing",
        r"(sampler) option is mutually exclusive with shuffle",
        r"(batch_sampler) option is mutually exclusive with",
        r"DataLoader with IterableDataset: expected unspecified (\w+) option",
        r"(batch_size) should be a positive integer value, but got batch_size=",
    ),
    what="`{1}` does not fit the other options.",
)
