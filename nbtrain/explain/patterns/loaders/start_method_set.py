"""How processes are started was chosen before.

What it is
`set_start_method` may be called once in a process.

Why it happens
The cell ran twice, or a library chose before.

How to fix
Give the choice to the loader: `multiprocessing_context="spawn"`; or `set_start_method("spawn",
force=True)`.

Example
```text
RuntimeError: context has already been set
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "start-method-set",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"context has already been set",),
    code='DataLoader(dataset, num_workers=2, multiprocessing_context="spawn")',
)
