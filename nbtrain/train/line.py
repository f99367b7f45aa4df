"""One line of a plan, and how things are called in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

ORIGINS = {
    "notebook": "", "option": "you set it", "default": "default", "assumed": "chosen by nbtrain",
    # of a run from a configuration; its values may be those of the defaults all the same
    "config": "in the configuration", "mode": "by the mode", "data": "", "diagnosis": "from the diagnosis",
    "search": "by the search",
    "config-as-default": "in the configuration", "option-as-default": "you set it",
    "mode-as-default": "by the mode",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of the plan. `origin`: one of ORIGINS."""

    section: str
    label: str
    value: str
    origin: str = "notebook"
    code: bool = False

    @property
    def marked(self) -> bool:
        """True when the value differs from a default."""
        return self.origin in ("option", "assumed", "config", "mode", "diagnosis", "search")


def kind_of(thing: Any) -> str:
    """Return the class of a module, the name of a function."""
    return (
        type(thing).__name__
        if isinstance(thing, nn.Module)
        else getattr(thing, "__name__", type(thing).__name__)
    )
