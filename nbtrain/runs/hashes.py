"""The checksum of data on disk: what identifies it, whatever it is called."""

from __future__ import annotations

import hashlib
from pathlib import Path

MOST_HASHED = 4 * 2**30  # bytes; a gigabyte takes about a second
_BLOCK = 1 << 20


def sha256_of(path: Path) -> str | None:
    """Return the SHA-256 of a file's bytes, of a folder the names and bytes of all its files.

    None where there is too much to read through, or something cannot be read.
    """
    try:
        files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        if not files or sum(one.stat().st_size for one in files) > MOST_HASHED:
            return None
        found = hashlib.sha256()
        for one in files:
            if one != path:
                found.update(f"{one.relative_to(path).as_posix()}\0{one.stat().st_size}\0".encode())
            with one.open("rb") as handle:
                while block := handle.read(_BLOCK):
                    found.update(block)
    except OSError:
        return None
    return found.hexdigest()
