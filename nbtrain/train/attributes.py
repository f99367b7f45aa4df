"""Numbers that modules count in attributes of their own: those that move are kept in checkpoints.

A module that counts its calls to anneal a weight, say, keeps that number in no state_dict. What never moves
is a setting, which may be another one next time, and is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

_PLAIN = (bool, int, float, str, type(None))
_OTHERS = ("training",)  # modes are kept by themselves


class Attributes:
    """The plain attributes of a module and those inside it.

    Args:
        root: the module, as it is before the first step; anything else has none.
    """

    def __init__(self, root: Any) -> None:
        self._modules = dict(root.named_modules()) if isinstance(root, nn.Module) else {}
        self._first = self._now()
        self._moved: set[tuple[str, str]] = set()

    def state_dict(self) -> dict[str, dict[str, Any]]:
        """Return module -> {attribute: value} of those that have moved since the run began."""
        now = self._now()
        self._moved |= {key for key, value in now.items() if self._first.get(key, self) != value}
        found: dict[str, dict[str, Any]] = {}
        for module, name in sorted(self._moved & now.keys()):
            found.setdefault(module, {})[name] = now[module, name]
        return found

    def load_state_dict(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Put them back."""
        for module, values in state.items():
            self._moved |= {(module, name) for name in values}
            if module in self._modules:
                vars(self._modules[module]).update(values)

    def _now(self) -> dict[tuple[str, str], Any]:
        return {
            (module, name): value
            for module, one in self._modules.items()
            for name, value in vars(one).items()
            if type(value) in _PLAIN and name not in _OTHERS
        }
