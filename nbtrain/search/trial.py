"""One trial: a run of the same engine, judged at each validation. Whatever becomes of it is a state."""

from __future__ import annotations

import gc
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nbtrain.errors import OutOfMemory, UserError
from nbtrain.running.control import Control
from nbtrain.running.failure import describe_failure
from nbtrain.running.run import Run
from nbtrain.runs.files import discard_folder
from nbtrain.runs.layout import CHECKPOINTS
from nbtrain.runs.status import RunStatus
from nbtrain.search.study import Study, best_of
from nbtrain.search.subject import Subject
from nbtrain.train.events import Callback
from nbtrain.train.training import Training

RUNS = "runs"  # of the trials, in the search's folder
POLL_S = 0.1
LONG_S = 10.0  # a trial as long as this may hold much, and half a second does not matter
_NO_MEMORY = re.compile(r"out of memory|OutOfMemory|can't allocate memory|DefaultCPUAllocator", re.IGNORECASE)
_PRUNED, _SKIPPED = "pruned: ", "skipped by hand"
_BY_HAND = ("stopped by hand", "interrupted by hand", "a STOP file was put")


class Wishes:
    """What is asked of a search while it runs; trials look at it between their steps.

    Attributes:
        run: the run of the trial that is under way, None between trials and in other processes.
    """

    def __init__(self) -> None:
        self.stopping = False
        self.reason = ""
        self.run: Run | None = None
        self.control: Control | None = None  # of that run
        self.look: Callable[[], None] = lambda: None  # called now and then from the searching thread

    def stop(self, reason: str = "stopped by hand") -> None:
        """Ask for the end; the trial under way is stopped at its next step and can be taken up again."""
        self.stopping, self.reason = True, self.reason or reason

    def skip(self) -> bool:
        """End the trial under way as pruned; say whether there is one."""
        if self.run is None or self.control is None or not self.run.status.alive:
            return False
        self.control.stop("step", reason=_SKIPPED)
        return True


@dataclass
class Judging(Callback):
    """Tells the study what each validation gave, and ends the run that lags behind. Its curve is resumed.

    Args:
        control: the run's mailbox. judge: (number of the validation, value) -> why to end, or "".
        metric: its name among a validation's values. curve: the values so far.
    """

    control: Control
    judge: Callable[[int, float], str]
    metric: str
    curve: list[float]
    epochs: list[int]
    known: set[str] = field(default_factory=set)

    def on_evaluation(self, work: Any, state: Any, values: dict[str, float]) -> None:
        """Note the metric; ask whether the run should end."""
        self.known |= set(values)
        if self.metric not in values:
            return
        self.curve.append(float(values[self.metric]))
        self.epochs.append(int(state.epoch))
        why = self.judge(len(self.curve), self.curve[-1])
        if why:
            self.control.stop("step", reason=f"{_PRUNED}{why}")

    def state_dict(self) -> dict[str, Any]:
        """Return the curve, for the run that goes on from a checkpoint."""
        return {"curve": list(self.curve), "epochs": list(self.epochs)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Know the curve again, and tell it to the study, where the trial has another number now."""
        self.curve[:], self.epochs[:] = state["curve"], state["epochs"]
        for number, value in enumerate(self.curve, start=1):
            self.judge(number, value)


@dataclass(frozen=True)
class Outcome:
    """What became of a trial; see `nbtrain.search.study.Trial`."""

    state: str
    value: float | None = None
    reason: str = ""
    best_epoch: int | None = None
    seconds: float = 0.0


def do_trial(
    study: Study, subject: Subject, asked: tuple[Any, dict[str, Any], str], wishes: Wishes,
    in_thread: Callable[[], Any] | None = None,
) -> Outcome:  # fmt: skip
    """Train with the values of a trial and tell the study what became of it."""
    trial, values, before = asked
    began = time.monotonic()
    seen = Judging(
        Control(), lambda number, value: study.judged(trial, number, value), study.options.metric, [], []
    )
    run: Run | None = None
    try:
        run = _started(study, subject, (trial.number, values, before), seen, in_thread)
        study.note_run(trial, run.id)
        wishes.run, wishes.control = run, seen.control
        _until_over(run, wishes)
        found = _outcome(run, seen, study.options.maximize)
    except Exception as error:
        found = _failed(error)
    finally:
        wishes.run = wishes.control = None
    outcome = Outcome(found.state, found.value, found.reason, found.best_epoch, time.monotonic() - began)
    facts = {"reason": outcome.reason, "seconds": outcome.seconds, "best_epoch": outcome.best_epoch}
    study.tell(trial, outcome.state, value=outcome.value, **facts)
    if run is not None and not study.options.keep_all:
        _let_checkpoints_go(study)
    seen.control = Control()
    _let_memory_go(long=outcome.seconds > LONG_S)
    return outcome


def _started(
    study: Study, subject: Subject, asked: tuple[int, Mapping[str, Any], str], seen: Judging, in_thread: Any
) -> Run:
    number, values, before = asked
    words: dict[str, Any] = {"name": f"trial-{number:03d}", "dir": str(study.folder / RUNS), "log": "json"}

    def listener(control: Control) -> Callback:
        seen.control = control
        return seen

    def started(more: Mapping[str, Any]) -> Run:
        plan = subject.plan(values, {**words, **more})
        return Run(Training(plan, listeners=(listener,)), in_thread=in_thread).start()

    if before:
        try:
            return started({"resume": str(study.folder / RUNS / before)})
        except UserError:
            pass  # it had no checkpoint yet, or does not fit any more: from the beginning
    return started({})


def _until_over(run: Run, wishes: Wishes) -> None:
    asked = False
    while True:
        try:
            run.wait(POLL_S)
        except TimeoutError:
            if wishes.stopping and not asked:
                asked = True
                run.stop()
            wishes.look()
            continue
        break
    by_hand = run.status is RunStatus.STOPPED and run.stop_reason.startswith(_BY_HAND)
    if run.status is RunStatus.INTERRUPTED or (by_hand and not asked):
        wishes.stop(run.stop_reason)


def _outcome(run: Run, seen: Judging, maximize: bool) -> Outcome:
    value, epoch = _best(seen, maximize)
    status, reason = run.status, run.stop_reason
    if status is RunStatus.INTERRUPTED or (status is RunStatus.STOPPED and reason.startswith(_BY_HAND)):
        return Outcome("interrupted", value, reason, epoch)
    if status is RunStatus.FAILED:
        said = run.error or reason
        return Outcome("out of memory" if _NO_MEMORY.search(said) else "failed", value, reason, epoch)
    if status is RunStatus.DIVERGED:
        return Outcome("diverged", value, reason, epoch)
    if reason.startswith((_PRUNED, _SKIPPED)):
        return Outcome("pruned", value, reason.removeprefix(_PRUNED), epoch)
    if value is None and seen.curve:
        return Outcome("diverged", None, f"{seen.metric} was never a finite number")
    if value is None:
        there = (
            f"A validation gave {', '.join(sorted(seen.known))}."
            if seen.known
            else "There was no validation."
        )
        return Outcome("failed", None, f"No `{seen.metric}` was measured. {there}")
    return Outcome("completed", value, reason, epoch)


def _best(seen: Judging, maximize: bool) -> tuple[float | None, int | None]:
    finite = [(value, at) for at, value in enumerate(seen.curve) if math.isfinite(value)]
    if not finite:
        return None, None
    value, at = max(finite, key=lambda one: (one[0], -one[1])) if maximize else min(finite)
    return value, seen.epochs[at]


def _failed(error: BaseException) -> Outcome:
    """What it is when the training could not even begin."""
    no_memory = isinstance(error, (OutOfMemory, MemoryError, torch.cuda.OutOfMemoryError))
    said = describe_failure(error)
    return Outcome(
        "out of memory" if no_memory or _NO_MEMORY.search(said.line) else "failed", None, said.line
    )


def _let_checkpoints_go(study: Study) -> None:
    """Remove the checkpoints of trials that are over and not the best: twenty models are a full disk."""
    trials = study.trials()
    best = best_of(trials, maximize=study.options.maximize)
    for one in trials:
        over = one.state not in ("running", "interrupted")
        if over and one.run and (best is None or one.number != best.number):
            folder = Path(study.folder / RUNS / one.run / CHECKPOINTS)
            if folder.is_dir() and not folder.is_symlink():
                discard_folder(folder)


def _let_memory_go(*, long: bool) -> None:
    """Free what cycles still hold, where that is worth half a second."""
    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    if on_gpu or long:
        gc.collect()
    if on_gpu:
        torch.cuda.empty_cache()
