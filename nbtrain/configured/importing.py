"""`pkg.module:name` -> the object, from the working folder, the configuration's folder, or what is
installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError


def imported(word: str, folder: Path) -> Any:
    """Return what an import path names.

    Args:
        word: `pkg.module:name`. folder: the configuration's.

    Raises:
        UsageError: the module or the name in it is not there. What the module itself raises comes through.
    """
    module_name, _, way = word.partition(":")
    with _found_from(Path.cwd(), folder):
        try:
            thing: Any = import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not module_name.startswith(error.name):
                raise  # something the module itself imports
            raise UsageError(
                f"`{word}`: there is no module `{error.name}`.",
                suggestion="It is looked for in the working folder, beside the configuration and among "
                "the packages.",
            ) from None
    for part in way.split("."):
        if not hasattr(thing, part):
            known = sorted(name for name in vars(thing) if not name.startswith("_"))[:20]
            raise UsageError(
                f"`{word}`: `{module_name}` has no `{part}`.", suggestion=f"It has {', '.join(known)}."
            )
        thing = getattr(thing, part)
    return thing


@contextmanager
def _found_from(*folders: Path) -> Iterator[None]:
    """Have the folders on the import path inside the block."""
    added = [str(folder) for folder in dict.fromkeys(folders) if str(folder) not in sys.path]
    sys.path[:0] = added
    try:
        yield
    finally:
        for one in added:
            sys.path.remove(one)
