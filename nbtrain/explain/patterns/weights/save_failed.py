"""The file of weights could not be written.

What it is
The folder is not there, or the disk took no more.

Why it happens
A folder that was not made, a full disk or quota, or a network drive that broke off.

How to fix
Make the folder first; look at the free space: `!df -h .`

Example
```text
RuntimeError: Parent directory checkpoints does not exist.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    if not found[0].startswith("Parent"):
        return None
    what = f"The folder {found[1]} does not exist."
    return Said(
        what,
        fix="Make it first.",
        code=f"from pathlib import Path\nPath({found[1]!r}).mkdir(parents=True, exist_ok=True)",
    )


PATTERN = Pattern(
    "save-failed",
    __name__,
    kinds=("RuntimeError", "OSError"),
    texts=(
        r"Parent directory ([^\n]*) does not exist",
        r"PytorchStreamWriter failed (?:writing|closing)[^\n]*",
    ),
    unless=r"unexpected pos|No space left",
    tell=tell,
)
