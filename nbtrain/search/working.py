"""Trial after trial, until there are enough or somebody stops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbtrain.search.study import Study
from nbtrain.search.subject import Subject
from nbtrain.search.trial import Outcome, Wishes, do_trial

ALIKE = 5  # first trials that all fail in the same words end a search


def work(
    study: Study, subject: Subject, wishes: Wishes, *, told: Callable[[int, Outcome], None] | None = None,
    in_thread: Callable[[], Any] | None = None,
) -> None:  # fmt: skip
    """Do trials.

    Args:
        told: called with the number of each trial that is over and its outcome. in_thread: as of a Run.
    """
    failures: list[str] = []
    while not wishes.stopping:
        asked = study.ask()
        if asked is None:
            return
        wishes.look()
        outcome = do_trial(study, subject, asked, wishes, in_thread)
        if told is not None:
            told(asked[0].number, outcome)
        if failures is not None and outcome.state == "failed":
            failures.append(outcome.reason)
            if len(failures) == ALIKE and len(set(failures)) == 1:
                wishes.stop(f"the first {ALIKE} trials failed alike: {outcome.reason}")
        elif outcome.state in ("completed", "pruned", "diverged"):
            failures = []
