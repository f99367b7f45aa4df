"""One line of a plan, and how things are called in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

ORIGINS = {"notebook": "", "option": "you set it", "default": "default", "assumed": "chosen by nbtrain"}


@dataclass(frozen=True)
class Line:
    """One line of the plan. `origin`: notebook, option, default or assumed."""

    section: str
    label: str
    value: str
    origin: str = "notebook"
    code: bool = False

    @property
    def marked(self) -> bool:
        """True when the value differs from a default."""
        return self.origin in ("option", "assumed")


def kind_of(thing: Any) -> str:
    """Return the class of a module, the name of a function."""
    return (
        type(thing).__name__
        if isinstance(thing, nn.Module)
        else getattr(thing, "__name__", type(thing).__name__)
    )
