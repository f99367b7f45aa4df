"""How a space is searched: the method, how many trials, by which metric, with which seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from nbtrain.errors import UsageError

METHODS = ("random", "grid", "bayesian")
PRUNERS = ("none", "median", "hyperband")
DIRECTIONS = ("min", "max")
DEFAULT_TRIALS = 20
MOST_TRIALS, MOST_JOBS = 100_000, 256
# parts of a metric's name that say that more is better
_MORE = (
    "acc",
    "f1",
    "auc",
    "precision",
    "recall",
    "iou",
    "dice",
    "bleu",
    "rouge",
    "r2",
    "score",
    "map",
    "ndcg",
)


@dataclass(frozen=True)
class SearchOptions:
    """How to search.

    Attributes:
        method: random; grid (every combination); bayesian (Optuna's TPE, ten random trials first).
        n_trials: trials in all, those of an earlier part of the search counted; None: 20, or the whole grid.
        pruner: ends trials that lag behind: none; median (below the median of the others at the same
            validation, from the fifth trial on); hyperband.
        metric: what is judged, a column of a run's validation. direction: min or max; "" tells by the name.
        seed: of the draws, and of each trial's training: equal for all. jobs: trials at once.
        keep_all: keep the checkpoints of every trial, not only of the best one.
    """

    method: str = "random"
    n_trials: int | None = None
    pruner: str = "none"
    metric: str = "val_loss"
    direction: str = ""
    seed: int = 42
    jobs: int = 1
    keep_all: bool = False

    @property
    def maximize(self) -> bool:
        """Whether more of the metric is better."""
        if self.direction:
            return self.direction == "max"
        return any(part in self.metric.lower() for part in _MORE)

    @property
    def trials(self) -> int:
        """How many trials there are to be; of a grid at most, see `study`."""
        return self.n_trials or DEFAULT_TRIALS

    def plain(self) -> dict[str, Any]:
        """Return them as they stand in a file."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> SearchOptions:
        """Build options from keyword arguments; None means not given.

        Raises:
            UsageError: an unknown name or a value that is not allowed.
        """
        known = {one.name for one in fields(cls)}
        unknown = [name for name in words if name not in known]
        if unknown:
            raise UsageError(
                f"`{unknown[0]}` is not an option of a search.",
                suggestion=f"Options are {', '.join(sorted(known))}.",
            )
        given = {name: value for name, value in words.items() if value is not None}
        for name, allowed in (("method", METHODS), ("pruner", PRUNERS), ("direction", DIRECTIONS)):
            if name in given and given[name] not in allowed:
                raise UsageError(
                    f"`{name}` is {given[name]!r}; allowed are {', '.join(allowed[:-1])} and {allowed[-1]}.",
                    suggestion=f"For example {name}={allowed[0]!r}.",
                )
        for name, least, most in (
            ("n_trials", 1, MOST_TRIALS),
            ("jobs", 1, MOST_JOBS),
            ("seed", 0, 2**32 - 1),
        ):
            value = given.get(name, least)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise UsageError(
                    f"`{name}` is {value!r}; it must be a whole number from {least} to {most:,}.",
                    suggestion=f"For example {name}={max(least, 20 if name == 'n_trials' else 2)}.",
                )
        if not isinstance(given.get("metric", ""), str):
            raise UsageError("`metric` must be a name.", suggestion='For example metric="val_loss".')
        return cls(**given)
