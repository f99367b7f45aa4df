"""A script starts processes while it is still being imported.

What it is
Under spawn each worker imports the script anew and would start workers itself.

Why it happens
The training stands at the top of a .py file, without `if __name__ == "__main__":` (Windows, macOS).

How to fix
Put what starts workers into a function and call it below the guard.

Example
```text
RuntimeError: An attempt has been made to start a new process before the current process has finished its bootstrapping phase.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "main-guard",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"An attempt has been made to start a new process before the\s+current process has finished its bootstrapping phase",
    ),
    code='if __name__ == "__main__":\n    main()',
)
