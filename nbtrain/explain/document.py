"""The page of a pattern: its own docstring, as a report."""

from __future__ import annotations

import re

from nbtrain.explain.matching import all_patterns, pattern_named
from nbtrain.explain.pattern import SECTIONS
from nbtrain.report.model import Block, Code, Report, Section, Text

_FENCE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)


def pattern_ids() -> list[str]:
    """Return the ids of all patterns."""
    return [pattern.id for pattern in all_patterns()]


def page_of_pattern(word: str) -> Report | None:
    """Return what a pattern is about; None where there is none by that id."""
    pattern = pattern_named(word)
    if pattern is None:
        return None
    shown = [Section(name, _blocks(pattern.section(name))) for name in SECTIONS]
    if pattern.code and "{" not in pattern.code.partition("\n")[0]:
        shown[2] = Section("How to fix", (*shown[2].blocks, Code(pattern.code)))
    sections = {name: pattern.section(name) for name in SECTIONS}
    return Report(pattern.title, tuple(shown), data={"pattern": pattern.id, "sections": sections})


def _blocks(text: str) -> tuple[Block, ...]:
    example = _FENCE.search(text)
    if example is not None:
        return (Code(example[1].rstrip(), "text"),)
    return tuple(Text(" ".join(part.split())) for part in text.split("\n\n"))
