"""The interface of a reader of histories, and the choice of the one that fits a path."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbtrain import registry
from nbtrain.diagnose.history import History
from nbtrain.errors import InvalidMetrics, UsageError


@dataclass(frozen=True)
class Reader:
    """One format. `id`: its file's name with dashes.

    Attributes:
        what: what it reads, in a few words.
        place: readers are asked in this order; the surest marks first.
        recognises: says whether a path that exists is of this format, from names or its beginning.
        read: reads it; raises InvalidMetrics for what is damaged.
    """

    id: str
    what: str
    place: int
    recognises: Callable[[Path], bool]
    read: Callable[[Path], History]


def problem_with(reader: object, module: object) -> str | None:
    """Return what is wrong with a reader's definition, or None."""
    if not isinstance(reader, Reader):
        return "READER is no Reader"
    file_name = getattr(module, "__name__", "").rpartition(".")[2]
    if reader.id.replace("-", "_") != file_name:
        return f"the id `{reader.id}` is not the name of its file"
    return None


@functools.cache
def all_readers() -> tuple[Reader, ...]:
    """Return every reader, found by walking `nbtrain.diagnose.readers`."""
    from nbtrain.diagnose import readers

    found: list[Reader] = registry.units_of(readers, "READER", problem_with)
    return tuple(sorted(found, key=lambda one: one.place))


def read_history(path: str | Path) -> History:
    """Read a history from a file or a folder, in whichever format it is.

    Raises:
        UsageError: nothing is there. InvalidMetrics: it is of no known format, or damaged.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise UsageError(
            f"There is no file or folder `{path}`.",
            suggestion="Give a metrics.json, a run's folder, a CSV log, TensorBoard's files or a "
            "trainer_state.json.",
            path=str(path),
        )
    for reader in all_readers():
        if reader.recognises(path):
            return reader.read(path)
    known = "; ".join(reader.what for reader in all_readers())
    raise InvalidMetrics(
        f"{path} is no history that can be read.",
        suggestion=f"Known are: {known}.",
        path=str(path),
        field="",
        problem="is of no known format",
    )


def file_in(path: Path, *names: str) -> Path | None:
    """Return the first of the files below a folder, or the path itself where it has one of the names."""
    if path.is_file():
        return path if path.name in {name.rpartition("/")[2] for name in names} else None
    return next((path / name for name in names if (path / name).is_file()), None)
