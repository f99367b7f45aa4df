"""A package is here in a version that another one refuses.

What it is
A library checks at its import which versions of others it works with.

Why it happens
Packages were installed one after the other, and the last one changed what an earlier one needs.

How to fix
Install the two together in one command, so that pip finds versions that fit: `%pip install -U
transformers tokenizers`; then restart the kernel.

Example
```text
ImportError: tokenizers>=0.21,<0.22 is required for a normal functioning of this module, but found tokenizers==0.19.1.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "package-version",
    __name__,
    kinds=("ImportError", "VersionConflict", "ContextualVersionConflict"),
    texts=(r"(?P<wanted>[\w.-]+(?:[<>=!~]=?[\w.]+,?)+) is required for a normal functioning of this module, but found (?P<by>[\w.=-]+)",),
    what="`{wanted}` is needed, and `{by}` is installed.",
    code='%pip install -U "{wanted}"',
)
