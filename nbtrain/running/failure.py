"""What an exception in a person's code looks like to them: their frames, as text, with nothing kept alive."""

from __future__ import annotations

import multiprocessing
import os
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

import nbtrain
from nbtrain.errors import UserError
from nbtrain.report.explanation import Explanation
from nbtrain.running import viewing

_OURS = str(Path(nbtrain.__file__).parent) + os.sep
_FILE = re.compile(r'File "(?P<file>[^"\n]+)", line')
_TORCH = str(Path(torch.__file__).parent) + os.sep
_LOADING = str(Path(torch.utils.data.__file__).parent) + os.sep
_PROCESSES = str(Path(multiprocessing.__file__).parent) + os.sep
# A frame in the text that a loader's worker process sends: its place, its line, and the marks below that.
_FRAME = re.compile(r'  File "(?P<file>[^"\n]+)", line \d+.*\n(?:    .*\n)*')


@dataclass(frozen=True)
class Failure:
    """An exception as text.

    Attributes:
        line: `ValueError: message`, one line. text: the traceback without nbtrain's own frames.
        explanation: what is known of it, None where nothing is.
    """

    line: str
    text: str
    explanation: Explanation | None = None


def describe_failure(
    error: BaseException, *, keep: bool = False, explain: Callable[[BaseException], Explanation] | None = None
) -> Failure:
    """Turn an exception into text and let go of its frames, which keep the batch and the graph in memory.

    Frames of nbtrain and torch are left out, also in what a loader's worker tells; where there are no others,
    all are shown, for then the fault is ours, unless they are those of torch's loader, or torch raised what
    is explained (a layer of its own got the wrong shape). A UserError is its sentence alone.

    Args:
        keep: somebody else shows the exception too, with its frames.
        explain: is asked while the frames are still there.
    """
    try:
        if isinstance(error, UserError):
            said = f"{type(error).__name__}: {error}"
            return Failure(said, said + "\n")
        known = _explained(error, explain)
        report = traceback.TracebackException.from_exception(error, capture_locals=False)
        for part in _chain(report):
            part.stack = _of_the_person(part.stack, is_known=known is not None)
        text = _FILE.sub(_by_cell, _told("".join(report.format())))
        line = _one_line(report, below=isinstance(error, SyntaxError))
        return Failure(line, text, known)
    finally:
        if not keep:
            _let_go(error)


def _explained(
    error: BaseException, explain: Callable[[BaseException], Explanation] | None
) -> Explanation | None:
    try:
        found = explain(error) if explain is not None else None
    except Exception:  # looking at a person's objects may fail in any way; the traceback is shown
        return None
    return found if found is not None and found.pattern else None


def _by_cell(match: re.Match[str]) -> str:
    """`File "/tmp/ipykernel_1/2.py", line 3` as a notebook says it: `Cell In[4], line 3`."""
    cell = viewing.cell_of(match["file"]) if viewing.cell_of is not None else ""
    return f"{cell}, line" if cell else match[0]


def _of_the_person(stack: traceback.StackSummary, *, is_known: bool) -> traceback.StackSummary | None:
    """Return the frames to show; None where nothing but the exception itself is said.

    Args:
        is_known: the explanation says what happened, so that frames of torch alone would tell nothing more.
    """
    kept = [frame for frame in stack if not frame.filename.startswith((_OURS, _TORCH, _PROCESSES))]
    raised_by_torch = bool(stack) and stack[-1].filename.startswith(_TORCH)
    told = any(frame.filename.startswith(_LOADING) for frame in stack) or (is_known and raised_by_torch)
    if not kept and not told:
        return stack
    return traceback.StackSummary.from_list(kept) if kept else None


def _told(text: str) -> str:
    """Leave our frames and torch's out of what a worker process tells of its error."""
    head, worker, rest = text.partition("in DataLoader worker process")
    if not worker:
        return text

    def kept(match: re.Match[str]) -> str:
        return "" if match["file"].startswith((_OURS, _TORCH, _PROCESSES)) else match[0]

    return head + worker + _FRAME.sub(kept, rest)


def _one_line(report: traceback.TracebackException, *, below: bool) -> str:
    """The sentence of an exception; `below`: what stands above it is no part of it."""
    lines = [line for line in "".join(report.format_exception_only()).splitlines() if line.strip()]
    below = below or "in DataLoader worker process" in lines[0]  # then the worker's own traceback is above
    return (lines[-1] if below else lines[0]).strip()


def _chain(report: traceback.TracebackException | None) -> list[traceback.TracebackException]:
    found: list[traceback.TracebackException] = []
    todo = [report]
    while todo:
        part = todo.pop()
        if part is not None and not any(part is known for known in found):
            found.append(part)
            todo += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]
    return found


def _let_go(error: BaseException) -> None:
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        part = todo.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        if part.__traceback__ is not None:
            traceback.clear_frames(part.__traceback__)
        todo += [part.__cause__, part.__context__, *getattr(part, "exceptions", ())]
