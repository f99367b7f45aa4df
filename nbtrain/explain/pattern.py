"""The interface of an error pattern: types and texts that it knows, and what it says of them.

A pattern's docstring is what people read: its first line is the title, its sections are SECTIONS.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from nbtrain.explain.raised import Raised

if TYPE_CHECKING:
    from nbtrain.explain.sight import Sight

SECTIONS = ("What it is", "Why it happens", "How to fix", "Example")
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FIELD = re.compile(r"\{(\d|said|more|named|package|pip|shape|by|wanted|total|free|operation)\}")
# What torch's own checks raise; under torch.compile they come wrapped.
RUNTIME = ("RuntimeError", "NotImplementedError", "TorchRuntimeError", "InternalTorchDynamoError")


@dataclass(frozen=True)
class Said:
    """What a pattern says of one exception; "" where its docstring says enough."""

    what: str = ""
    why: str = ""
    fix: str = ""
    code: str = ""


@dataclass(frozen=True)
class Pattern:
    """One error that people meet.

    Attributes:
        id: kebab-case; the name of its file with dashes.
        module: `__name__` of its file, where the docstring is.
        kinds: names of exception types, with their module where the name alone says little; base classes
            count; () for any.
        texts: regular expressions for the message, the wordings of several versions. A message that stands
            alone, without its type, has to begin with one.
        what: sentence for the message found, with {1}, {2} or {name} for groups; "" takes the docstring's.
        code: the usual fix as code. codes: (regular expression for what was found, its fix), the first that
            fits goes before `code`. tell: what can be said with the frames at hand.
        inside: a regular expression that must fit a place, `file: its line`, for `texts_inside`, which say
            too little alone. outside: one that must fit none.
        innermost: a part of the file's name that the innermost place must be in.
        unless: a text that rules it out. renamed: what {package} becomes as {pip} in the code.
        needs_type: a message without its type is never this one.
        over_cause: it says more than what the exception was raised from.
        short_of_memory: what is known of memory is said, too.
    """

    id: str
    module: str
    kinds: tuple[str, ...]
    texts: tuple[str, ...]
    texts_inside: tuple[str, ...] = ()
    what: str = ""
    code: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    tell: Callable[[Raised, re.Match[str], Sight], Said | None] | None = None
    inside: str = ""
    outside: str = ""
    innermost: str = ""
    unless: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    needs_type: bool = False
    over_cause: bool = False
    short_of_memory: bool = False

    @cached_property
    def _texts(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(text) for text in self.texts)

    @cached_property
    def _texts_inside(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(text) for text in self.texts_inside)

    @cached_property
    def _documentation(self) -> tuple[str, dict[str, str]]:
        title, _, rest = inspect.cleandoc(sys.modules[self.module].__doc__ or "").partition("\n")
        found: dict[str, str] = {}
        section = ""
        for line in rest.split("\n"):
            if line in SECTIONS:
                section = line
                found[section] = ""
            elif section:
                found[section] += line + "\n"
        return title, {name: text.strip() for name, text in found.items()}

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return self._documentation[0]

    def section(self, name: str) -> str:
        """Return a section of the docstring, "" where it lacks."""
        return self._documentation[1].get(name, "")

    def match(self, raised: Raised) -> re.Match[str] | None:
        """Return what of the message is known, None where this is another error."""
        known = {raised.kind} | raised.kinds
        if self.needs_type and not raised.kind:
            return None
        if raised.kind and self.kinds and known.isdisjoint(self.kinds):
            return None
        files = [place.file.replace("\\", "/") for place in raised.places]
        lines = [f"{file}: {place.code}" for file, place in zip(files, raised.places, strict=True)]
        if self.outside and any(re.search(self.outside, line) for line in lines):
            return None
        if self.innermost and not (files and self.innermost in files[-1]):
            return None
        there = bool(self.inside) and any(re.search(self.inside, line) for line in lines)
        if self.unless and re.search(self.unless, raised.text):
            return None
        for text in (*self._texts, *(self._texts_inside if there else ())):
            found = text.search(raised.text) if raised.kind else text.match(raised.text)
            if found is not None:
                return found
        return None

    def said(self, raised: Raised, found: re.Match[str]) -> Said:
        """Return the words for one exception, the most exact that can be had."""
        told = None
        if self.tell is not None and raised.sight is not None:
            try:
                told = self.tell(raised, found, raised.sight)
            except Exception:
                told = None  # a person's objects may fail in any way when looked at; the text is known
        told = told or Said()
        if told.code and (stand_ins := raised.sight.stand_ins_in(told.code)):
            told = replace(told, code=f"{told.code}  # {stand_ins} stands for a value that has no name here")
        filled = self._filler(found)
        return Said(
            told.what or filled(self.what) or _prose(self.section("What it is")),
            told.why or _prose(self.section("Why it happens")),
            told.fix or _prose(self.section("How to fix")),
            told.code or filled(self._code(found[0])),
        )

    def _code(self, found: str) -> str:
        return next((code for text, code in self.codes if re.search(text, found)), self.code)

    def _filler(self, found: re.Match[str]) -> Callable[[str], str]:
        """Return what puts the groups of a message into a text; "" where the message lacks one of them."""
        groups = {str(number): value for number, value in enumerate((found[0], *found.groups()))}
        groups |= found.groupdict()
        if groups.get("package"):
            groups["pip"] = dict(self.renamed).get(groups["package"], groups["package"])

        def filled(text: str) -> str:
            wanted = _FIELD.findall(text)
            if any(not groups.get(name) for name in wanted):
                return ""
            return _FIELD.sub(lambda match: groups[match[1]], text)

        return filled


def _prose(text: str) -> str:
    return "\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def problem_with(pattern: object, module: object) -> str | None:
    """Return what is wrong with a pattern's definition, or None."""
    if not isinstance(pattern, Pattern):
        return "PATTERN is no Pattern"
    name = getattr(module, "__name__", "")
    if pattern.module != name:
        return "its `module` is not __name__"
    if not ID.fullmatch(pattern.id) or pattern.id.replace("-", "_") != name.rpartition(".")[2]:
        return f"the id `{pattern.id}` is not the name of its file"
    missing = [one for one in SECTIONS if not pattern.section(one)]
    return f"the docstring lacks the section `{missing[0]}`" if missing else None
