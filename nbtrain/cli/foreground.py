"""A run in a terminal: its plan, a line an epoch, and the way out by Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from nbtrain.running.keeper import epoch_line

POLL_S = 0.1


def train_here(run: Any, *, quiet: bool) -> bool:
    """Start a planned run and wait until it is over; return whether Ctrl-C ended it.

    Ctrl-C stops it at its next step, with checkpoint and results; a second one leaves at once.

    Args:
        quiet: print nothing.
    """
    if not quiet:
        print(run.plan.report().to_text(), flush=True)
    run.start()
    if not quiet:
        print(f"Training {run.id}. Ctrl-C stops it at the next step.", flush=True)
    said = 0

    def look() -> bool:
        nonlocal said
        over = _over(run)
        said = said if quiet else _print_new(run, said)
        return over

    return _until(look, run.stop)


def search_here(search: Any, *, quiet: bool) -> bool:
    """Start a planned search and wait until it is over, a line a trial; return whether Ctrl-C ended it.

    Ctrl-C stops the trial under way at its next step, to be gone on with by --resume; a second one leaves.

    Args:
        quiet: print nothing.
    """
    if not quiet:
        for warning in search.warnings:
            print(f"! {warning}", flush=True)
        print(f"Searching in {search.dir}. Ctrl-C stops it; --resume goes on.", flush=True)
    search.start()
    told: set[int] = set()

    def look() -> bool:
        over, lines = search.is_over, search.lines(told)
        told.update(lines)
        if not quiet:
            for line in lines.values():
                print(line, flush=True)
        return over

    return _until(look, search.stop)


def _until(is_over: Callable[[], bool], stop: Callable[[], Any]) -> bool:
    """Look until it is over; return whether Ctrl-C stopped it. A second Ctrl-C is raised."""
    interrupted = False
    while True:
        try:
            if is_over():
                return interrupted
            time.sleep(POLL_S)
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            stop()


def run_here(proposal: Any, *, as_json: bool, show: Callable[[Any], None]) -> int:
    """Show a proposed command, ask, and run it with its output; return its exit status.

    Args:
        as_json: show one object and run nothing, for programs that decide for themselves.
    """
    show(proposal)
    if as_json:
        return 0
    if not proposal.yes:
        if not sys.stdin.isatty():
            print("Nobody is here to say yes. Add --yes to run it.")
            return 0
        if input("Run it? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Not run.")
            return 0
    from nbtrain.launching.running import run

    return run(proposal, lambda line: print(line, flush=True))


def _print_new(run: Any, said: int) -> int:
    rows = run.epochs.to_dict("records")
    for row in rows[said:]:
        print(epoch_line({name: value for name, value in row.items() if value == value}), flush=True)
    return len(rows)


def _over(run: Any) -> bool:
    """Say whether nothing more is to come. `run.wait()` without a time takes an interrupt for itself."""
    try:
        run.wait(0)
    except TimeoutError:
        return False
    return True
