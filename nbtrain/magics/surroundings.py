"""Who is at the notebook: somebody with a screen, a batch execution, or Colab."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from nbtrain.errors import UsageError


def nobody_here(shell: Any) -> bool:
    """Say whether this cell runs without anybody to look or click: nbconvert, papermill, nbclient,
    `NBTRAIN_WAIT=1`.

    `NBTRAIN_WAIT` decides when it is set. Otherwise the request does: a front end with a person allows input
    from the keyboard, batch executors do not. A shell without a kernel (a terminal, a script) has nobody to
    click either.
    """
    said = os.environ.get("NBTRAIN_WAIT", "").strip().lower()
    if said in ("1", "true", "yes"):
        return True
    if said in ("0", "false", "no"):
        return False
    if said:
        raise UsageError(
            f"NBTRAIN_WAIT is {said!r}.",
            suggestion="Allowed are 1 (wait in the cell) and 0 (train in the background).",
        )
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return True
    request = kernel.get_parent("shell") if hasattr(kernel, "get_parent") else {}
    return (request or {}).get("content", {}).get("allow_stdin") is False


def in_colab() -> bool:
    """Say whether this is Google Colab, which shows no update that comes from a thread.

    Its kernels load `google.colab` before the first cell. VS Code needs no look: it shows what threads send,
    and where it should miss the end of a run the panel asks for it; only clicks wait there for a busy cell.
    """
    return "google.colab" in sys.modules


def route_prints(shell: Any) -> Callable[[], None] | None:
    """Return what the training thread has to call so that its prints land in the cell that runs now.

    ipykernel 7.4 has `set_thread_parent` for it; before that a copied context, which every run starts in, is
    enough.
    """
    kernel = getattr(shell, "kernel", None)
    set_parent = getattr(shell, "set_thread_parent", None)
    if kernel is None or set_parent is None:
        return None
    parent = kernel.get_parent("shell")
    return lambda: set_parent(parent)
