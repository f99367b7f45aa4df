"""An exception as the patterns see it: its type's name, its text, the places it went through, its causes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbtrain.explain.sight import Sight

_MOST_SHOWN = 200  # characters of a line of code in `where`
# Files that nobody writes in a notebook or a project: installed packages, Python's own, generated code.
_INSTALLED = re.compile(
    r"[\\/](?:site|dist)-packages[\\/]|[\\/]lib[\\/]python\d|[\\/]Lib[\\/]\w+\.py$"
    r"|^<(?:frozen |__array_function__|eval_with_key|decorator-gen)"
    r"|[\\/]torch[\\/](?:nn|_dynamo|_inductor|utils|optim|autograd|distributed)[\\/]"
    r"|[\\/]nbtrain[\\/](?:train|running|watch|commands|magics)[\\/]"
)


# What torch.compile says of an error that its trial run with tensors without numbers met.
_WRAPPED = re.compile(
    r"FX node with fake tensors: [\s\S]*?: got (?P<kind>\w+)\((?P<q>['\"])(?P<text>.*?)(?P=q)\)"
)


@dataclass(frozen=True)
class Place:
    """One frame of a traceback. `line`: 1-based, 0 where unknown; `code`: that line, "" where unknown."""

    file: str
    line: int = 0
    function: str = ""
    code: str = ""

    @property
    def is_person(self) -> bool:
        """True for a cell and for files outside of installed packages."""
        if self.file == "<string>":  # `python -c`, or methods that dataclasses and the like have made
            return self.function in ("", "<module>")
        return not _INSTALLED.search(self.file)

    def __str__(self) -> str:
        said = self.file + (f", line {self.line}" if self.line else "")
        if self.function and self.function not in ("<module>", "<cell line>"):
            said += f", in {self.function}"
        code = " ".join(self.code.split())
        code = code if len(code) <= _MOST_SHOWN else code[: _MOST_SHOWN - 1] + "…"
        return f"{said}: {code}" if code else said


@dataclass(frozen=True)
class Raised:
    """An exception.

    Attributes:
        kind: name of its type without its module; "" for a message that stood alone.
        kinds: that name and those of its base classes, where they are known.
        text: its message. places: outermost first. sight: its frames, where it is at hand.
        cause: what it was raised from. context: what was being handled when it was raised.
        members: of an exception group.
    """

    kind: str
    text: str = ""
    places: tuple[Place, ...] = ()
    kinds: frozenset[str] = frozenset()
    cause: Raised | None = None
    context: Raised | None = None
    members: tuple[Raised, ...] = ()
    sight: Sight | None = None

    @property
    def line(self) -> str:
        """`KeyError: 'x'`: type and the first line of the message."""
        first = next((line.strip() for line in self.text.splitlines() if line.strip()), "")
        return f"{self.kind}: {first}" if self.kind and first else self.kind or first

    @property
    def place(self) -> Place | None:
        """The innermost line of the person's code."""
        return next((place for place in reversed(self.places) if place.is_person), None)

    def decisive(self) -> Iterator[Raised]:
        """Yield what may have been the reason, the most telling first.

        What an exception was raised from says more than the exception. What was being handled when it came
        says less: handlers fail for reasons of their own.
        """
        for member in self.members:
            yield from member.decisive()
        if self.cause is not None:
            yield from self.cause.decisive()
        wrapped = _WRAPPED.search(self.text)
        if wrapped is not None:
            yield Raised(wrapped["kind"], wrapped["text"], self.places, sight=self.sight)
        yield self
        if self.context is not None:
            yield from self.context.decisive()
