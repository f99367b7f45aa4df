"""A proposed command as a process: a list of arguments, no shell, its output line by line."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

from nbtrain.launching.proposal import OURS, Proposal, check

GRACE_S = 60.0  # after an interrupt, for a step to end and a checkpoint to be written


def run(
    proposal: Proposal, tell: Callable[[str], object], stopping: Callable[[], bool] = lambda: False
) -> int:
    """Run a command to its end and return its exit status.

    Args:
        tell: given each line of its output. stopping: asked at each line; True interrupts it.

    An interrupt (Ctrl-C, the square button) is handed on to it; a second one ends it.

    Raises:
        UsageError: it is no command that trains, or what it stands on has changed.
    """
    check(proposal)
    ours = {"PYTHONSAFEPATH": "1"} if proposal.argv[1:4] == OURS else {}  # no nbtrain.py of the folder
    process = subprocess.Popen(
        list(proposal.argv), cwd=proposal.folder, shell=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
        bufsize=1, env={**os.environ, "PYTHONUNBUFFERED": "1", **ours}, start_new_session=True,
    )  # fmt: skip
    interrupted = False
    try:
        while True:
            try:
                line = process.stdout.readline() if process.stdout is not None else ""
                if not line:
                    return process.wait()
                tell(line.rstrip("\n"))
                if stopping() and not interrupted:
                    interrupted = True
                    process.send_signal(signal.SIGINT)
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                process.send_signal(signal.SIGINT)
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if process.stdout is not None:
            process.stdout.close()
