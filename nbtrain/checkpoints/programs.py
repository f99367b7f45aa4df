"""A program of torch.export, looked at before it is loaded: loading one runs the pickles inside."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from nbtrain.checkpoints.pickles import scan

_CONFIGS = ("model_weights_config.json", "model_constants_config.json", "_config.json")


def unsafe_in(path: Path) -> tuple[str, ...]:
    """Return what the pickles of a .pt2 would import or call beyond tensors and numbers; () for nothing.

    A pickle that cannot be read to its end is named too.
    """
    found: list[str] = []
    with zipfile.ZipFile(path) as archive:
        compiled = [name for name in archive.namelist() if "data/aotinductor/" in name.replace("\\", "/")]
        found += [f"{name} (compiled code, which loading would run)" for name in compiled]
        for name, data in _pickles(archive):
            seen = scan(data)
            found += [*seen.dangerous, *seen.unknown]
            if not seen.whole:
                found.append(f"{name} (cannot be read)")
    return tuple(dict.fromkeys(found))


def _pickles(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each pickle: members that torch writes as files of its own, and those that a
    table names as pickled.
    """
    pickled = _named_as_pickled(archive)
    for name in archive.namelist():
        if not (name.endswith((".pt", ".pkl")) or name.rpartition("/")[2] in pickled):
            continue
        data = archive.read(name)
        if not data:
            continue
        if not zipfile.is_zipfile(io.BytesIO(data)):
            yield name, data
            continue
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            for member in inner.namelist():
                if member.endswith(".pkl"):
                    yield f"{name}/{member}", inner.read(member)


def _named_as_pickled(archive: zipfile.ZipFile) -> set[str]:
    found: set[str] = set()
    for name in archive.namelist():
        if not name.endswith(_CONFIGS):
            continue
        try:
            table = json.loads(archive.read(name)).get("config", {})
        except (ValueError, AttributeError):
            continue
        for entry in table.values() if isinstance(table, dict) else ():
            if isinstance(entry, dict) and entry.get("use_pickle"):
                found.add(str(entry.get("path_name")))
    return found
