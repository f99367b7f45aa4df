"""The line of a person's source that is at work just now."""

from __future__ import annotations

import linecache
import os
import re
import sys
from pathlib import Path
from types import FrameType

import torch

import nbtrain

_OURS = str(Path(nbtrain.__file__).parent) + os.sep
_TORCH = str(Path(torch.__file__).parent) + os.sep
_CELL = re.compile(r"(?:<ipython-input-.*>|\d+\.py)")


def persons_line(*within: str) -> tuple[str, str]:
    """Return the innermost source line that is neither torch's nor ours, and where it stands; else "", "".

    Args:
        within: names of our modules that a look may pass through; the first other frame of ours ends it, for
            what is further out called the training and is not in it.
    """
    frame: FrameType | None = sys._getframe(1)
    passed = (__name__, *within)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_OURS):
            if frame.f_globals.get("__name__") not in passed:
                break
        elif not file.startswith((_TORCH, "<frozen", "<string>")):
            text = linecache.getline(file, frame.f_lineno, frame.f_globals).strip()
            name = Path(file).name
            of_cell = _CELL.fullmatch(name)
            return text, f"line {frame.f_lineno} of a cell" if of_cell else f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return "", ""
