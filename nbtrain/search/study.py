"""The trials of a search on disk: asked for, told, and taken up again. The only module that knows Optuna.

Optuna keeps them in an SQLite file in the search's folder, which several processes share; whoever has Optuna
can open it. What is drawn depends on the seed and the number of the trial alone, so that a search that was
stopped draws what an undisturbed one would have drawn.
"""

from __future__ import annotations

import json
import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrain.errors import InvalidConfig, UsageError
from nbtrain.extras import require
from nbtrain.runs.lock import guarded
from nbtrain.runs.owner import Owner, is_alive, this_process
from nbtrain.search.options import SearchOptions
from nbtrain.search.space import Space

FILE = "trials.db"
NAME = "search"
STARTUP = 10  # random trials before TPE models anything; Optuna's default, after Bergstra et al. 2011
# how a trial ended; what is in none of these two was not finished
JUDGED = ("completed", "pruned")
BROKEN = ("failed", "diverged", "out of memory")


@dataclass(frozen=True)
class Trial:
    """One trial as it stands on disk.

    Attributes:
        state: running, completed, pruned, failed, diverged, out of memory, or interrupted.
        values: setting -> value. value: the best of the metric, None before the first validation.
        curve: the metric at each validation. reason: why it ended before its end, or failed.
        run: id of its run, "" before the start. seconds: what it took. best_epoch: of the value.
        again: number of the interrupted trial that this one goes on with, or None.
    """

    number: int
    state: str
    values: Mapping[str, Any]
    value: float | None = None
    curve: tuple[float, ...] = ()
    reason: str = ""
    run: str = ""
    seconds: float | None = None
    best_epoch: int | None = None
    again: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it is one of the trials asked for: an interrupted one is done again."""
        return self.state != "interrupted"


class Study:
    """The trials of one search. Over lists alone `random` is a shuffled grid: nothing is tried twice.

    Args:
        folder: the search's. Opens the file there, or makes it.

    Raises:
        MissingExtra: Optuna is not installed. InvalidConfig: the file there cannot be read.
    """

    def __init__(self, folder: Path, space: Space, options: SearchOptions) -> None:
        self._optuna = require("optuna", why="to search")
        self.folder, self.space, self.options = folder, space, options
        self._grid: list[dict[str, Any]] | None = None
        path = folder / FILE
        with _quiet(self._optuna):
            try:
                engine = {"connect_args": {"timeout": 60}}  # seconds to wait for another process's write
                self._storage = self._optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs=engine)
                self._study = self._optuna.create_study(
                    storage=self._storage, study_name=NAME, load_if_exists=True,
                    direction="maximize" if options.maximize else "minimize",
                    sampler=_PerTrial(self._optuna, options, self._frozen).sampler(),
                    pruner=_pruner(self._optuna, options),
                )  # fmt: skip
            except Exception as error:
                raise InvalidConfig(
                    f"The trials in {path} cannot be read: {str(error).splitlines()[0][:200]}.",
                    suggestion="Give another folder with --output; what is there stays as it is.",
                ) from None

    @property
    def wanted(self) -> int:
        """How many trials there are to be in all; of a grid no more than it has points."""
        if self.options.method == "grid":
            points = len(self._points())
            return min(points, self.options.n_trials or points)
        return (
            min(len(self._points()), self.options.trials)
            if self._is_drawn_from_a_list
            else self.options.trials
        )

    @property
    def _is_drawn_from_a_list(self) -> bool:
        """Whether it is random over a few values: then no combination is drawn twice."""
        return self.options.method == "random" and self.space.is_finite

    def _points(self) -> list[dict[str, Any]]:
        if self._grid is None:
            self._grid = self.space.grid()
        return list(self._grid)

    def prepare(self) -> None:
        """Take up what a dead process left, and put the points of a grid into the queue."""
        with guarded(self.folder):
            for one in self._frozen(running=True):
                owner = Owner.from_dict(one.user_attrs.get("owner"))
                if owner is None or is_alive(owner) is False:
                    self._interrupt(one.number, "its process was gone")
            if self.options.method == "grid" or self._is_drawn_from_a_list:
                known = {
                    _key(one.user_attrs.get("values") or one.user_attrs.get("wish")) for one in self._frozen()
                }
                points = self._points()
                if self._is_drawn_from_a_list or len(points) > self.wanted:  # not a corner of it
                    random.Random(self.options.seed).shuffle(points)
                for values in points[: self.wanted]:
                    if _key(values) not in known:
                        self._study.enqueue_trial(self.space.recorded(values), user_attrs={"wish": values})

    def ask(self) -> tuple[Any, dict[str, Any], str] | None:
        """Begin a trial: Optuna's trial, its values, and the run it goes on with ("" for a new one).

        Returns:
            None when there are enough.
        """
        with guarded(self.folder):
            begun = [one for one in self.trials() if one.counts]
            if len(begun) >= self.wanted:
                return None
            trial = self._study.ask()
            values = self.space.suggest(trial)
            trial.set_user_attr("owner", this_process().to_dict())
            trial.set_user_attr("values", values)
        return trial, values, str(trial.user_attrs.get("run") or "")

    def note_run(self, trial: Any, run: str) -> None:
        """Note which run a trial is."""
        trial.set_user_attr("run", run)

    def judged(self, trial: Any, step: int, value: float) -> str:
        """Note what the metric is at a validation; return why the trial should end, or ""."""
        if not math.isfinite(value):
            return ""
        trial.report(value, step)
        if self.options.pruner == "none" or not trial.should_prune():
            return ""
        rule = "the median" if self.options.pruner == "median" else "its bracket"
        return f"behind {rule} at validation {step}"

    def tell(self, trial: Any, state: str, *, value: float | None = None, **facts: Any) -> None:
        """End a trial.

        Args:
            state: as of a Trial. facts: reason, seconds, best_epoch.
        """
        for name, fact in {**facts, "state": state, "value": value}.items():
            trial.set_user_attr(name, fact)
        if state == "interrupted":
            self._interrupt(trial.number, str(facts.get("reason", "")))
            return
        states = self._optuna.trial.TrialState
        kind = {"completed": states.COMPLETE, "pruned": states.PRUNED}.get(state, states.FAIL)
        with _quiet(self._optuna):
            self._study.tell(trial.number, value if state == "completed" else None, state=kind)

    def lost(self, pid: int, reason: str) -> None:
        """Note as failed what a process that has died was doing."""
        for one in self._frozen(running=True):
            owner = Owner.from_dict(one.user_attrs.get("owner"))
            if owner is not None and owner.pid == pid and not is_alive(owner):
                self._set(one.number, state="failed", reason=reason)
                self._study.tell(one.number, state=self._optuna.trial.TrialState.FAIL)

    def _interrupt(self, number: int, reason: str) -> None:
        """End a trial that was not finished, and put its values into the queue for the next."""
        known = next(one for one in self._frozen() if one.number == number)
        self._set(number, state="interrupted", reason=reason)
        self._study.tell(number, state=self._optuna.trial.TrialState.FAIL)
        values = known.user_attrs.get("values")
        if values is not None:
            attributes = {"again": number, "wish": values, "run": known.user_attrs.get("run", "")}
            self._study.enqueue_trial(self.space.recorded(values), user_attrs=attributes)

    def _set(self, number: int, **facts: Any) -> None:
        trial_id = next(one._trial_id for one in self._frozen() if one.number == number)
        for name, fact in facts.items():
            self._storage.set_trial_user_attr(trial_id, name, fact)

    def _frozen(self, *, running: bool = False) -> list[Any]:
        states = (self._optuna.trial.TrialState.RUNNING,) if running else None
        return self._study.get_trials(deepcopy=False, states=states)

    def trials(self) -> list[Trial]:
        """Return the trials that have begun, oldest first."""
        waiting = self._optuna.trial.TrialState.WAITING
        return [_read(one) for one in self._frozen() if one.state != waiting]

    def best(self) -> Trial | None:
        """Return the best trial that came to its end, the first of equals."""
        return best_of(self.trials(), maximize=self.options.maximize)

    def close(self) -> None:
        """Let go of the file."""
        with suppress(Exception):  # a file that is gone needs no closing
            self._storage.remove_session()
            self._storage.engine.dispose()


def best_of(trials: list[Trial], *, maximize: bool) -> Trial | None:
    """Return the best of the trials that came to their ends, the first of equals."""
    done = [one for one in trials if one.state == "completed" and one.value is not None]
    sign = -1 if maximize else 1
    return min(done, key=lambda one: (sign * one.value, one.number), default=None)


def _read(one: Any) -> Trial:
    facts = one.user_attrs
    state = facts.get("state") if one.state.is_finished() else "running"
    curve = tuple(one.intermediate_values[step] for step in sorted(one.intermediate_values))
    value = one.value if one.state.name == "COMPLETE" else facts.get("value")
    return Trial(
        one.number, state or "failed", facts.get("values") or facts.get("wish") or {}, value, curve,
        facts.get("reason", ""), facts.get("run", ""), facts.get("seconds"), facts.get("best_epoch"),
        facts.get("again"),
    )  # fmt: skip


class _PerTrial:
    """Draws each trial by a sampler of its own, seeded by the search's seed and the trial's place.

    The place leaves out trials whose values were given, so that one that is done again moves none.
    """

    def __init__(self, optuna: Any, options: SearchOptions, trials: Callable[[], list[Any]]) -> None:
        self._optuna, self._options, self._trials = optuna, options, trials
        self._known: tuple[int, Any] = (-1, None)

    def _of(self, trial: Any) -> Any:
        if self._known[0] != trial.number:
            # all of them: with Hyperband the study given here has those of one bracket alone
            drawn = [one for one in self._trials() if "again" not in one.user_attrs]
            place = sum(one.number < trial.number for one in drawn)
            seed = (self._options.seed * 1_000_003 + place) % 2**32
            if self._options.method == "bayesian":
                made = self._optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed)
            else:
                made = self._optuna.samplers.RandomSampler(seed=seed)
            self._known = trial.number, made
        return self._known[1]

    def sampler(self) -> Any:
        """Return it as Optuna takes it."""
        outer = self

        class PerTrial(self._optuna.samplers.BaseSampler):  # type: ignore[name-defined, misc]
            def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
                return outer._of(trial).infer_relative_search_space(study, trial)

            def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
                return outer._of(trial).sample_relative(study, trial, search_space)

            def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
                return outer._of(trial).sample_independent(study, trial, name, distribution)

        return PerTrial()


def _pruner(optuna: Any, options: SearchOptions) -> Any:
    if options.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)
    if options.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner()
    return optuna.pruners.NopPruner()


def _key(values: Mapping[str, Any] | None) -> str:
    return json.dumps(values, sort_keys=True)


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Keep Optuna from writing of its own doings into the cell; as it was afterwards."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def refuse_other(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Refuse to go on with a search as though it were another.

    Raises:
        UsageError: names what is not the same.
    """
    for name in ("search_space", "method", "metric", "direction", "seed", "subject"):
        if before.get(name) != now.get(name):
            raise UsageError(
                f"The search in {folder} has another `{name}`: {str(before.get(name))[:200]}; now it is "
                f"{str(now.get(name))[:200]}.",
                suggestion="Go on with the same, or give another folder with --output.",
            )
