"""The person's own frames and lines, told from those of libraries."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch

import nbtrain

_OURS = str(Path(nbtrain.__file__).parent) + os.sep
_TORCH = str(Path(torch.__file__).parent) + os.sep
_PACKAGES = f"{os.sep}site-packages{os.sep}"
_STANDARD = str(Path(os.__file__).parent) + os.sep
MOST_FRAMES = 40
CO_OPTIMIZED = 0x1


def frames() -> Iterator[FrameType]:
    """Yield the person's frames, innermost first, out to the cell: no library's, none of ours."""
    frame = sys._getframe(1)
    for _ in range(MOST_FRAMES):
        if frame is None:
            return
        file = frame.f_code.co_filename
        if _PACKAGES not in file and not file.startswith((_OURS, _TORCH, _STANDARD, "<frozen")):
            yield frame
        frame = frame.f_back


def is_machinery(file: str) -> bool:
    """Say whether a file of code is torch's, Python's own or one of ours; not another package's."""
    if file.startswith((_TORCH, _OURS, "<frozen")):
        return True
    return file.startswith(_STANDARD) and _PACKAGES not in file


def line() -> tuple[str, int]:
    """Return file and line of the person's innermost frame; ("", 0) where there is none."""
    for frame in frames():
        return frame.f_code.co_filename, frame.f_lineno
    return "", 0


class locals_of:
    """A frame's variables for the length of a block, without keeping them alive after it.

    Python up to 3.12 stores a copy of a function's variables in its frame when they are read, which would
    keep a batch and its graph in memory until they are read again.
    """

    def __init__(self, frame: FrameType) -> None:
        self._frame = frame
        self._copied = sys.version_info < (3, 13) and bool(frame.f_code.co_flags & CO_OPTIMIZED)

    def __enter__(self) -> Any:
        self._locals = self._frame.f_locals
        return self._locals

    def __exit__(self, *error: Any) -> None:
        if self._copied:
            self._locals.clear()
        del self._locals, self._frame
