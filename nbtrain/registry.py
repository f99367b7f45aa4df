"""Find the units of a family by walking its package: one unit, one file, no list to keep by hand."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

Unit = TypeVar("Unit")


def units_of(
    package: ModuleType, attribute: str, check: Callable[[Unit, ModuleType], str | None]
) -> list[Unit]:
    """Import every module below `package` and collect the object each names `attribute`.

    Args:
        package: the family's package, e.g. `nbtrain.review.rules`.
        attribute: the module-level name of the unit, e.g. `RULE`.
        check: returns what is wrong with a unit, or None.

    Raises:
        TypeError: a module without the unit or with a bad one; names the file.
    """
    found: list[Unit] = []
    for info in pkgutil.walk_packages(package.__path__, prefix=package.__name__ + "."):
        if info.ispkg:
            continue
        module = importlib.import_module(info.name)
        unit = getattr(module, attribute, None)
        if unit is None:
            raise TypeError(f"{module.__file__}:1: defines no {attribute}")
        if problem := check(unit, module):
            raise TypeError(f"{module.__file__}:1: {problem}")
        found.append(unit)
    return found
