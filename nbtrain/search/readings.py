"""Readings: everything that can be read of a search, from any thread, while it runs and afterwards."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrain.errors import UsageError
from nbtrain.report.model import Report
from nbtrain.runs.status import RunStatus
from nbtrain.search.board import Standing, search_figure, search_report, trial_line
from nbtrain.search.options import SearchOptions
from nbtrain.search.space import Space
from nbtrain.search.study import Trial
from nbtrain.search.trial import RUNS, Wishes

if TYPE_CHECKING:
    import pandas as pd


class SearchReadings:
    """What a search says of itself."""

    space: Space
    options: SearchOptions
    dir: Path
    status: RunStatus
    stop_reason: str
    warnings: tuple[str, ...]
    _wishes: Wishes
    _over: threading.Event
    _kept: tuple[list[Trial], dict[str, float], int]  # trials, importance, trials in all

    @property
    def is_over(self) -> bool:
        """True once everything is written and shown."""
        return self._over.is_set()

    @property
    def run(self) -> Any:
        """The run of the trial under way, or None."""
        return self._wishes.run

    @property
    def all_trials(self) -> list[Trial]:
        """Every trial as it stands, oldest first; at most a second behind."""
        return list(self._kept[0])

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial: state, value, the parameters, seconds, best epoch, reason, run."""
        import pandas as pd

        rows = [
            {"trial": one.number, "state": one.state, "value": one.value, **one.values,
             "best_epoch": one.best_epoch, "seconds": one.seconds, "reason": one.reason, "run": one.run}
            for one in self._kept[0]
        ]  # fmt: skip
        columns = ["trial", "state", "value", *self.space.names, "best_epoch", "seconds", "reason", "run"]
        return pd.DataFrame(rows, columns=columns).set_index("trial")

    @property
    def best_trial(self) -> Trial | None:
        """The best trial that came to its end, or None."""
        return self._standing().best

    @property
    def best(self) -> dict[str, Any]:
        """The best values; {} before a trial came to its end."""
        return dict(self.best_trial.values) if self.best_trial else {}

    @property
    def best_value(self) -> float | None:
        """What the metric came to with them."""
        return self.best_trial.value if self.best_trial else None

    def load_best(self, model: Any) -> Any:
        """Put the weights of the best trial into a model and return it.

        Raises:
            UsageError: there is no best trial, or the model is another one.
        """
        from nbtrain.runs.stored import StoredRun

        best = self.best_trial
        if best is None:
            raise UsageError("No trial has come to its end.", suggestion="search.wait() waits for it.")
        return StoredRun.load(self.dir / RUNS, best.run).load_best(model)

    def _standing(self) -> Standing:
        trials, importance, wanted = self._kept
        run = self._wishes.run
        now: Mapping[str, Any] = {}
        if run is not None:
            progress = run.progress
            now = {"run": run.id, "epoch": progress.epoch, "of": progress.total_epochs, **run.latest}
        best_yaml = self.dir / "best.yaml"
        text = best_yaml.read_text(encoding="utf-8") if self.status.over and best_yaml.exists() else ""
        return Standing(
            self.space, self.options, tuple(trials), importance, wanted, str(self.dir), str(self.status),
            self.stop_reason, self.warnings, now, text,
        )  # fmt: skip

    def report(self, *, figures: bool = True) -> Report:
        """Return how it stands: the best, curves, parallel coordinates, importance, all trials."""
        return search_report(self._standing(), figures=figures)

    def figure(self) -> Any:
        """Return its pictures as a figure of a report."""
        return search_figure(self._standing())

    def lines(self, told: Collection[int] = ()) -> dict[int, str]:
        """Return number -> line of each trial that is over and not told yet; several may end in any order."""
        over = [one for one in self._kept[0] if one.state != "running" and one.number not in told]
        return {one.number: trial_line(one, self.options.metric) for one in over}

    def to_dict(self) -> dict[str, Any]:
        """Return how it stands as JSON-ready values."""
        return self.report(figures=False).to_dict()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report()._repr_mimebundle_()

    def __repr__(self) -> str:
        best = f", best {self.options.metric} {self.best_value:.4g}" if self.best_trial else ""
        done = sum(one.state != "running" and one.counts for one in self._kept[0])
        return f"<Search {self.dir} {self.status}, {done} of {self._kept[2]} trials{best}>"
