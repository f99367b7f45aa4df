"""Texts made fit to be shown anywhere: no control characters, no lone surrogates, no hidden reordering.

Escaping for one format is the business of that format's renderer.
"""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls but tab and newline; lone surrogates (they cannot be encoded, so they would break the
# message that carries the report); the bidirectional controls that make a text read as another one
# (CVE-2021-42574).
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]")


def plain(text: object) -> str:
    """Return `str(text)` with what cannot or must not be shown replaced by U+FFFD; newlines and tabs stay."""
    return _UNFIT.sub("\ufffd", str(text).replace("\r\n", "\n"))


def one_line(text: object, limit: int | None = None) -> str:
    """Return the text on one line, cut to `limit` characters with an ellipsis."""
    line = " ".join(plain(text).split())
    if limit is not None and len(line) > limit:
        return line[: max(limit - 1, 0)].rstrip() + "…"
    return line


def columns_of(text: str) -> int:
    """Return how many terminal columns the text takes: wide East Asian letters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
