"""The file that is loaded is damaged, cut off, or of another kind.

What it is
Its bytes are not those that torch, pickle or safetensors wrote.

Why it happens
A download or a save that was broken off, a full disk, an HTML page or a git-lfs pointer in its place.

How to fix
Look at the size and the first bytes (`open(path, "rb").read(80)`): `<` is a web page, `version
https://git-lfs` a pointer (`git lfs pull`). Download it again, or take an earlier checkpoint. nbtrain's
own checkpoints carry hashes: `nbtrain.load_run(...)` takes the newest that is whole.

Example
```text
RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory
```
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    file = sight.local("f", "load") or sight.local("filename", "load_file")
    if not isinstance(file, (str, os.PathLike)) or not Path(file).is_file():
        return None
    with Path(file).open("rb") as opened:
        first = opened.read(60)
    size = Path(file).stat().st_size
    if first.startswith(b"version https://git-lfs"):
        return Said(
            f"{os.fspath(file)} is a git-lfs pointer of {size} bytes.",
            fix="Fetch the file itself.",
            code="!git lfs pull",
        )
    if first.lstrip()[:1] == b"<":
        return Said(
            f"{os.fspath(file)} is a web page of {size} bytes, not weights.",
            fix="Download it again, from the link to the file itself.",
        )
    return Said(f"{os.fspath(file)} has {size} bytes.")


PATTERN = Pattern(
    "checkpoint-corrupt",
    __name__,
    kinds=("RuntimeError", "UnpicklingError", "EOFError", "OSError", "SafetensorError"),
    texts=(
        r"PytorchStreamReader failed (?:reading|locating)[^\n:]*: ([^\n.]+)",
        r"unexpected EOF, expected (\d+) more bytes\. The file might be corrupted",
        r"invalid load key, '([^']+)'",
        r"Weights only load failed[\s\S]*(Unsupported operand \d+|unpickling stack underflow|Invalid magic number)",
        r"(Ran out of input)",
        r"(?:Error while deserializing header|MetadataIncompleteBuffer|HeaderTooLarge|InvalidHeader)",
        r"(Invalid magic number; corrupt file\?)",
        r"(pickle data was truncated)",
        r"(unpickling stack underflow)",
    ),
    tell=tell,
)
