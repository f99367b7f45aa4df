"""Errors explained: an exception, or the text of a traceback, in words, with the fix."""

from __future__ import annotations

from nbtrain.explain.explaining import explain_exception, explain_text
from nbtrain.explain.matching import all_patterns, pattern_named
from nbtrain.report.explanation import Explanation, MemoryNeed

__all__ = [
    "Explanation", "MemoryNeed", "all_patterns", "explain_exception", "explain_text", "pattern_named",
]  # fmt: skip
