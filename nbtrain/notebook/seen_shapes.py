"""Output shapes as a forward showed them, and which of them still hold: a layer that was replaced since
has none.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from nbtrain.notebook.modules import own_parameters, walk
from nbtrain.notebook.wording import attribute

_Mark = tuple[Any, tuple[Any, ...]]  # a weak reference to the module, and the shapes of its own parameters


@dataclass(frozen=True)
class SeenShapes:
    """Module path -> output shape in words, as of the moment of the look.

    Attributes:
        shapes: what was seen. said: where it is from, or why there is nothing, in a sentence.
    """

    shapes: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    _marks: Mapping[str, _Mark] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, model: nn.Module | None, shapes: Mapping[str, str], said: str = "") -> SeenShapes:
        """Keep shapes that were just seen, with what they depend on."""
        marks = _marks(model) if model is not None and shapes else {}
        return cls(dict(shapes), said, marks)

    def still(self, model: nn.Module) -> dict[str, str]:
        """Return the shapes that still hold.

        A module that was replaced or resized since has none any more, nor have those it is a part of.
        """
        if not self._marks:
            return dict(self.shapes)
        now = _marks(model)
        changed = {
            path
            for path in now.keys() | self._marks.keys()
            if not _same(now.get(path), self._marks.get(path))
        }
        for path in tuple(changed):
            while path:
                path = path.rpartition(".")[0]
                changed.add(path)
        return {path: shape for path, shape in self.shapes.items() if path in now and path not in changed}


def _marks(model: nn.Module) -> dict[str, _Mark]:
    return {
        path: (weakref.ref(module), tuple(_size(parameter) for _, parameter in own_parameters(module)))
        for path, module in walk(model)
    }


def _size(parameter: Any) -> Any:
    try:
        return tuple(parameter.shape)
    except RuntimeError:  # lazy: no shape yet
        return attribute(parameter, "data") is None


def _same(one: _Mark | None, other: _Mark | None) -> bool:
    return one is not None and other is not None and one[0]() is other[0]() and one[1] == other[1]
