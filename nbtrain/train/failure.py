"""What an exception in a person's code looks like to them: their frames, as text, with nothing kept alive."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

import torch

import nbtrain

_OURS = str(Path(nbtrain.__file__).parent)
_TORCH = str(Path(torch.__file__).parent)  # its frames between us and the person's first line say nothing


@dataclass(frozen=True)
class Failure:
    """An exception as text. `line`: `ValueError: message`. `text`:
    the traceback without nbtrain's own frames.
    """

    line: str
    text: str


def describe_failure(error: BaseException) -> Failure:
    """Turn an exception into text and let go of its frames, which would keep the batch and the graph in
    memory.

    Frames of nbtrain above the person's code are left out; when there are only ours, all are shown: then the
    fault is ours.
    """
    report = traceback.TracebackException.from_exception(error, capture_locals=False)
    for part in _chain(report):
        outside = [frame for frame in part.stack if not frame.filename.startswith(_OURS)]
        first = next(
            (place for place, frame in enumerate(outside) if not frame.filename.startswith(_TORCH)), 0
        )
        if outside:
            part.stack = traceback.StackSummary.from_list(outside[first:])
    text = "".join(report.format())
    line = "".join(report.format_exception_only()).strip().splitlines()[-1]
    for part in (error, error.__cause__, error.__context__):
        if part is not None and part.__traceback__ is not None:
            traceback.clear_frames(part.__traceback__)
    return Failure(line, text)


def _chain(report: traceback.TracebackException | None) -> list[traceback.TracebackException]:
    found = []
    while report is not None and report not in found:
        found.append(report)
        report = report.__cause__ or report.__context__
    return found
