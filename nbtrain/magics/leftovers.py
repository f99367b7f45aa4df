"""What IPython keeps of a failed cell, and of the values of earlier ones: handed out, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbtrain.notebook import leftovers

_installed: list[tuple[Any, Any, Any]] = []  # shell, its holder, its keeper of outputs


def install(shell: Any) -> None:
    """Let `nbtrain.free()` reach what this shell holds. Twice does no harm."""
    if any(known is shell for known, *_ in _installed):
        return
    entry = (shell, lambda: _failures(shell), lambda: _forget_outputs(shell))
    _installed.append(entry)
    leftovers.holders.append(entry[1])
    leftovers.output_keepers.append(entry[2])


def uninstall(shell: Any) -> None:
    """Take it back."""
    for entry in [entry for entry in _installed if entry[0] is shell]:
        _installed.remove(entry)
        leftovers.holders.remove(entry[1])
        leftovers.output_keepers.remove(entry[2])


def _failures(shell: Any) -> Iterator[Any]:
    """The tracebacks and exceptions that IPython holds, each forgotten by it."""
    for handler in (shell.InteractiveTB, getattr(shell, "SyntaxTB", None)):
        for name in ("tb", "last_syntax_error"):
            held = getattr(handler, name, None)
            if held is not None:
                setattr(handler, name, None)
                yield held
        debugger = getattr(handler, "pdb", None)
        if debugger is not None:  # %debug was used: it stands in the frames
            debugger.reset()
            handler.pdb = None
    result = shell.last_execution_result
    for name in ("error_in_exec", "error_before_exec"):
        held = getattr(result, name, None)
        if held is not None:
            setattr(result, name, None)
            yield held


def _forget_outputs(shell: Any) -> int:
    count = len(shell.user_ns.get("_oh", ()))
    shell.displayhook.flush()
    for name in ("_", "__", "___"):
        if name in shell.user_ns:
            shell.user_ns[name] = ""
    if shell.last_execution_result is not None:
        shell.last_execution_result.result = None
    return count
