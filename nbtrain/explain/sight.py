"""What the frames of a traceback hold: the person's values, the module of the model, names to say them by.

Nothing of the person's is called: attributes are read from the dictionaries that hold them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nbtrain.explain.raised import Place
from nbtrain.explain.source_line import values_of_line
from nbtrain.notebook.names import best_name, counts
from nbtrain.report.explanation import Value

_MOST_VALUES = 8


@dataclass(frozen=True)
class Located:
    """A module of a model.

    Attributes:
        module: the object. path: from its root, as torch says it, "" for the root itself.
        root: the name of the variable that holds the root, "" where none does.
        owner: the module that holds it; None for the root. attribute: its name there.
    """

    module: Any
    path: str
    root: str = ""
    owner: Any = None
    attribute: str = ""

    @property
    def code(self) -> str:
        """The module as an expression: `model.encoder.layers[2].linear1`."""
        said = self.root or "model"
        for part in filter(None, self.path.split(".")):
            said += f"[{part}]" if part.isdigit() else f".{part}"
        return said

    @property
    def owner_code(self) -> str:
        """The module that holds it as an expression."""
        return Located(self.owner, self.path.rpartition(".")[0], self.root).code

    @property
    def named(self) -> str:
        """The module in a sentence: `encoder.layers.2.linear1`, or as the variable that holds it."""
        if self.path and not self.path.replace(".", "").isdigit():
            return f"`{self.path}`"
        return f"`{self.code}`" if self.root else f"`{self.path or type(self.module).__name__}`"


class Sight:
    """The frames of one traceback, outermost first.

    Args:
        frames: (frame, line) as traceback.walk_tb yields them. names: the notebook's variables.
        places: one for each frame.
    """

    def __init__(
        self, frames: Sequence[tuple[Any, int]], names: Mapping[str, Any], places: Sequence[Place]
    ) -> None:
        self._frames = list(frames)
        self._names = names
        self._stand_ins: dict[str, None] = {}
        self._mine = [pair for pair, place in zip(frames, places, strict=False) if place.is_person]

    @cached_property
    def names(self) -> dict[str, Any]:
        """The variables the person sees: the notebook's, then those of their frames, innermost last."""
        found = dict(getattr(sys.modules.get("__main__"), "__dict__", {})) | dict(self._names)
        for frame, _ in self._mine:
            found |= {**frame.f_globals, **frame.f_locals}
        return {name: value for name, value in found.items() if counts(name)}

    def of_type(self, *kinds: str) -> dict[str, Any]:
        """Return the person's variables whose class, or a base of it, bears one of these names."""
        wanted = set(kinds)
        return {
            name: value for name, value in self.names.items()
            if not isinstance(value, type) and wanted & {one.__name__ for one in type(value).__mro__}
        }  # fmt: skip

    def name_of(self, value: Any, default: str = "") -> str:
        """Return what the person calls a value, `default` where they have no name for it."""
        for frame, _ in reversed(self._mine):
            for name, held in list(frame.f_locals.items()):
                if held is value and counts(name):
                    return name
        held_by = [name for name, held in self.names.items() if held is value]
        if held_by:
            return best_name(held_by, "")
        if default.isidentifier():
            self._stand_ins[default] = None
        return default

    def stand_ins_in(self, code: str) -> str:
        """Return the words of a line that stand for values without a name of the person's, "" for none."""
        words = set(re.findall(r"[A-Za-z_]\w*", code))
        return ", ".join(name for name in self._stand_ins if name in words and name not in self.names)

    def local(self, name: str, function: str = "") -> Any:
        """Return a local of the innermost frame that has it, in a function of that name if given."""
        for frame, _ in reversed(self._frames):
            if (not function or frame.f_code.co_name == function) and name in frame.f_locals:
                return frame.f_locals[name]
        return None

    # --- the model ----------------------------------------------------------------------------------------

    @cached_property
    def models(self) -> dict[str, Any]:
        """The torch modules among the person's variables."""
        nn = getattr(sys.modules.get("torch"), "nn", None)
        if nn is None:
            return {}
        return {
            name: value for name, value in self.names.items()
            if name != "self" and issubclass(type(value), nn.Module)
        }  # fmt: skip

    def _modules(self) -> Iterator[Any]:
        """The modules whose methods are being run, the innermost first."""
        torch = sys.modules.get("torch")
        nn = getattr(torch, "nn", None)
        if nn is None:
            return
        for frame, _ in reversed(self._frames):
            held = frame.f_locals.get("self")
            if held is not None and issubclass(type(held), nn.Module):
                yield held

    @cached_property
    def module(self) -> Located | None:
        """The innermost module that was run, found in the model."""
        inner = next((one for one in self._modules() if not _is_loss(one)), None)
        return None if inner is None else self.locate(inner)

    @property
    def module_path(self) -> str:
        """Its path; "" where there is none."""
        return "" if self.module is None else self.module.path.replace("_orig_mod.", "")

    def locate(self, module: Any) -> Located:
        """Return where a module is in the models of the notebook."""
        from nbtrain.notebook.modules import walk

        holders: list[tuple[str, str, Any]] = []
        for name, root in self.models.items():
            paths = {id(part): path for path, part in walk(root)}
            if id(module) in paths:
                holders.append((name, paths[id(module)], root))
        running = list(self._modules())
        outer = running[-1] if running else None
        roots = [one for one in holders if one[2] is outer]
        if not roots:  # the model that runs has no name: then what holds most of the way does
            way = (
                next((path for path, part in walk(outer) if part is module), "") if outer is not None else ""
            )
            longest = max((len(path) for _, path, _ in holders), default=-1)
            if len(way) > longest:
                return _located(module, way, "", outer)
            roots = [one for one in holders if len(one[1]) == longest]
        if not roots:
            return Located(module, "")
        name = best_name([one[0] for one in roots], "model")
        _, path, root = next(one for one in roots if one[0] == name)
        return _located(module, path, name, root)

    # --- values -------------------------------------------------------------------------------------------

    @cached_property
    def line_values(self) -> list[tuple[str, Any]]:
        """(expression, value) of what the innermost line of the person's code names."""
        if not self._mine:
            return []
        frame, line = self._mine[-1]
        return values_of_line(frame, line)

    @cached_property
    def tensors(self) -> list[tuple[str, Any]]:
        """The tensors and arrays among them."""
        return [(said, value) for said, value in self.line_values if _shape(value) is not None]

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """What the failing line works on, as text: tensors, and the input of the module it failed in."""
        listed = [_value(said, held) for said, held in self.tensors]
        shown = [held for _, held in self.tensors]
        inner = self.module
        if inner is not None:
            given = self.input_of(inner.module)
            if given is not None and not any(held is given for held in shown):
                listed.append(_value(f"input of {inner.path or inner.root or 'the model'}", given))
            weight = getattr(inner.module, "_parameters", {}).get("weight")
            if weight is not None:
                listed.append(_value(f"{inner.path}.weight" if inner.path else "weight", weight))
        return tuple(listed[:_MOST_VALUES])

    def input_of(self, module: Any) -> Any:
        """Return the tensor that a module's forward was given, None where it is not to be seen."""
        for frame, _ in reversed(self._frames):
            if frame.f_locals.get("self") is module and frame.f_code.co_name == "forward":
                code = frame.f_code
                given = [frame.f_locals.get(name) for name in code.co_varnames[1 : code.co_argcount]]
                return next((one for one in given if _shape(one) is not None), None)
        return None


def _located(module: Any, path: str, name: str, root: Any) -> Located:
    above, _, attribute = path.rpartition(".")
    owner = root if path else None
    for part in filter(None, above.split(".")):
        owner = getattr(owner, "_modules", {}).get(part)
    return Located(module, path, name, owner, attribute)


def _is_loss(module: Any) -> bool:
    return type(module).__module__ == "torch.nn.modules.loss"


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a tensor or an array; None of anything else."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    kinds = tuple(filter(None, (getattr(torch, "Tensor", None), getattr(numpy, "ndarray", None))))
    if not kinds or not issubclass(type(value), kinds):
        return None
    try:
        return tuple(int(size) for size in value.shape)
    except Exception:  # a lazy parameter has none yet
        return None


def _value(said: str, held: Any) -> Value:
    device = getattr(held, "device", "")
    return Value(
        said, str(_shape(held)), str(held.dtype).removeprefix("torch."), "" if device == "" else str(device)
    )


def is_defined_by_person(module: Any) -> bool:
    """True for a module whose class is not torch's."""
    return module is not None and not type(module).__module__.startswith(
        ("torch.", "torchvision.", "transformers.")
    )
