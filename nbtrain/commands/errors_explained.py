"""Where errors to be explained come from: the notebook's last one, a failed run, a text, standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError

_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def explain(error: Any = None) -> Any:
    """Explain an error: what it is, why it happens, how to fix it, with the names in your notebook.

    Args:
        error: an exception, the text of a traceback, or a failed run; None takes the last error: the one
            being handled in an `except` block, else the last that ended a cell or a run.

    Returns:
        A report; its `to_dict()` has pattern (None where the error is unknown), title, what, why, fix, where.

    Raises:
        UsageError: there was no error, or what was passed is none.
    """
    names = sys._getframe(1).f_globals
    return explained(_last(names) if error is None else error, names)


def explained(error: Any, names: Mapping[str, Any] | None = None) -> Any:
    """Return the report on an exception, a text or a run.

    Raises:
        UsageError: it is nothing that can be explained.
    """
    from nbtrain.explain import Explanation, explain_text

    if isinstance(getattr(error, "explanation", None), Explanation):
        return error.explanation.report()
    if isinstance(error, BaseException):
        return explainer(names)(error).report()
    if isinstance(error, str):
        return explain_text(error).report()
    if isinstance(getattr(error, "error", None), str):
        return explain_text(error.error).report()
    if hasattr(error, "status") and hasattr(error, "error"):
        raise UsageError(f"Run `{error.id}` did not fail: there is no error to explain.")
    raise UsageError(
        f"`explain` got {type(error).__name__}, which is no error.",
        suggestion="Pass an exception, the text of a traceback, or a failed run.",
    )


def explainer(names: Mapping[str, Any] | None = None) -> Callable[[BaseException], Any]:
    """Return what explains an exception whose frames are at hand.

    Args:
        names: the notebook's variables, in which the model is looked for.
    """

    def explain_with_frames(error: BaseException) -> Any:
        from nbtrain.explain import explain_exception

        known = dict(names or {})
        return explain_exception(error, names=known, memory=lambda: _memory(known), cell_of=_cell_of())

    return explain_with_frames


def last_error(names: Mapping[str, Any]) -> Any:
    """Return the last error of a notebook: an exception, or the run that failed after it; None where none."""
    from nbtrain.notebook import last_failure

    error, failed = last_failure.last_exception(), None
    active = sys.modules.get("nbtrain.running.active")
    for run in active.known() if active is not None else ():
        at = run.failed_at
        if at is not None and (error is None or at > last_failure.when()):
            failed = run if failed is None or at > failed.failed_at else failed
    return failed if failed is not None else error


def text_of_stdin() -> str | None:
    """Return what standard input holds, whatever its encoding; None where a person would have to type it."""
    stdin = sys.stdin
    if stdin is None or stdin.closed or stdin.isatty():
        return None
    raw = getattr(stdin, "buffer", None)
    return decoded(raw.read()) if raw is not None else stdin.read()


def text_of_file(word: str) -> str | None:
    """Return the text of a file, None where there is none of that name."""
    path = Path(word).expanduser()
    try:
        return decoded(path.read_bytes()) if path.is_file() else None
    except OSError:
        return None


def decoded(data: bytes) -> str:
    """Return bytes as text: UTF-8, or what a mark at their beginning says; what is neither is replaced."""
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    return data.decode(encoding, errors="replace")


def _last(names: Mapping[str, Any]) -> Any:
    error = last_error(names)
    if error is None:
        raise UsageError(
            "There is no error to explain: none has ended a cell or a run since this Python started.",
            suggestion="Pass an exception, or the text of a traceback.",
        )
    return error


def _cell_of() -> Callable[[str], str] | None:
    viewing = sys.modules.get("nbtrain.running.viewing")
    return getattr(viewing, "cell_of", None)


def _memory(names: Mapping[str, Any]) -> Any:
    """What a training step of the notebook's objects needs, and which batches fit; None where unknown."""
    if "torch" not in sys.modules:
        return None
    try:
        return _estimated(names)
    except Exception:
        return None  # no set-up is found, or it cannot be traced: the error is explained without it


def _estimated(names: Mapping[str, Any]) -> Any:
    from nbtrain.explain import MemoryNeed
    from nbtrain.memory.estimate import estimate_memory
    from nbtrain.notebook.namespace import find_setup
    from nbtrain.notebook.sample import sample_batch

    setup = find_setup(names, val=False, scheduler=False)
    optimizer, loss = (part.value if part is not None else None for part in (setup.optimizer, setup.loss))
    batch = sample_batch(setup.train.value)
    found = estimate_memory(setup.model.value, batch, optimizer=optimizer, loss=loss)
    parts = sorted(found.breakdown.items(), key=lambda part: -part[1])
    return MemoryNeed(
        tuple((kind, size) for kind, size in parts if size), found.capacity,
        tuple((pair.batch, pair.accumulate) for pair in found.pairs if pair.fits),
        f"Estimated for a training step of `{setup.model.name}` with the batches of `{setup.train.name}`.",
    )  # fmt: skip
