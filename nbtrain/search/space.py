"""The space of a search: which settings take which values, and which of them only when another has one."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.errors import UsageError

MOST_POINTS = 10_000  # of a grid: more is a slip of the keys
MOST_STEPS = 50  # values of a whole-number range that a grid takes without being told how many
When = tuple[tuple[str, tuple[Any, ...]], ...]


@dataclass(frozen=True)
class Choice:
    """One of a few values.

    Attributes:
        when: (other parameter, its values): it is only there while each of them has one of those.
    """

    name: str
    values: tuple[Any, ...]
    when: When = ()

    def suggest(self, trial: Any) -> Any:
        """Draw a value by an Optuna trial; what is no plain value goes by its JSON text."""
        by_word = {word_of(value): value for value in self.values}
        return by_word[trial.suggest_categorical(self.name, list(by_word))]

    def recorded(self, value: Any) -> Any:
        """Return a value as Optuna is told it."""
        return word_of(value)

    def points(self) -> tuple[Any, ...]:
        """Return the values of a grid."""
        return self.values

    def ends(self) -> tuple[Any, ...]:
        """Return the values that have to be looked at before a search."""
        return self.values

    def share(self, value: Any) -> float:
        """Return where a value stands, from 0 to 1, on an axis of this parameter."""
        ordered = self.ordered()
        place = next((at for at, one in enumerate(ordered) if same(one, value)), None)
        return math.nan if place is None else place / max(len(ordered) - 1, 1) if len(ordered) > 1 else 0.5

    def ordered(self) -> list[Any]:
        """Return the values, numbers from small to large."""
        numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in self.values)
        return sorted(self.values) if numbers else list(self.values)

    def plain(self) -> Any:
        """Return it as it stands in a file."""
        values = list(self.values)
        return {"values": values, "when": _plain_when(self.when)} if self.when else values


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        log: evenly in powers instead of in values. step: distance of the values; None for any.
        whole: whole numbers only. n_points: how many of them a grid takes; None: by the step.
        when: as of a Choice.
    """

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False
    n_points: int | None = None
    when: When = ()

    def suggest(self, trial: Any) -> Any:
        """Draw a value by an Optuna trial."""
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), **self._how(1))
        return trial.suggest_float(self.name, self.low, self.high, **self._how(None))

    def _how(self, step: Any) -> dict[str, Any]:
        return {"log": True} if self.log else {"step": self.step or step}

    def recorded(self, value: Any) -> Any:
        """Return a value as Optuna is told it."""
        return value

    def points(self) -> tuple[Any, ...]:
        """Return the values of a grid.

        Raises:
            UsageError: there are endlessly many, or too many.
        """
        if self.n_points is not None:
            return self._spread(self.n_points)
        step = self.step or (1 if self.whole and self.high - self.low < MOST_STEPS and not self.log else None)
        if step is None:
            raise UsageError(
                f"A grid needs values, and `{self.name}` is a range without a step.",
                suggestion=f"List them, or add `points: 5` to `{self.name}`, or take --method random.",
            )
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        if count > MOST_POINTS:
            raise UsageError(
                f"`{self.name}` has {count:,} values; a grid takes at most {MOST_POINTS:,}.",
                suggestion="Take a larger step, or --method random.",
            )
        values = [self.low + at * step for at in range(count)]
        return tuple(round(one) if self.whole else float(f"{one:.12g}") for one in values)

    def _spread(self, count: int) -> tuple[Any, ...]:
        if count == 1:
            shares = [0.0]
        else:
            shares = [at / (count - 1) for at in range(count)]
        values = [self._at(share) for share in shares]
        return tuple(dict.fromkeys(round(one) if self.whole else float(f"{one:.6g}") for one in values))

    def _at(self, share: float) -> float:
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + share * (self.high - self.low)

    def ends(self) -> tuple[Any, ...]:
        """Return the values that have to be looked at before a search."""
        return tuple(dict.fromkeys(int(one) if self.whole else float(one) for one in (self.low, self.high)))

    def share(self, value: Any) -> float:
        """Return where a value stands, from 0 to 1, on an axis of this parameter."""
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return math.nan
        if self.high == self.low:
            return 0.5
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def plain(self) -> Any:
        """Return it as it stands in a file."""
        low, high = (int(self.low), int(self.high)) if self.whole else (self.low, self.high)
        said: dict[str, Any] = {"low": low, "high": high}
        said |= {"log": True} if self.log else {}
        said |= {"step": self.step} if self.step else {}
        said |= {"points": self.n_points} if self.n_points else {}
        return said | ({"when": _plain_when(self.when)} if self.when else {})


@dataclass(frozen=True)
class Space:
    """Parameters, each after those that decide whether it is there."""

    parameters: tuple[Choice | Range, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters."""
        return tuple(one.name for one in self.parameters)

    @property
    def is_finite(self) -> bool:
        """Whether there are lists alone, with few enough combinations for a grid."""
        several = (one.values for one in self.parameters if isinstance(one, Choice))
        lists = all(isinstance(one, Choice) for one in self.parameters)
        return lists and math.prod(map(len, several)) <= MOST_POINTS

    def __getitem__(self, name: str) -> Choice | Range:
        return next(one for one in self.parameters if one.name == name)

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Draw a value for each parameter that is there, by an Optuna trial."""
        values: dict[str, Any] = {}
        for one in self.parameters:
            if _is_there(one, values):
                values[one.name] = one.suggest(trial)
        return values

    def recorded(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as Optuna is told them."""
        return {name: self[name].recorded(value) for name, value in values.items()}

    def grid(self) -> list[dict[str, Any]]:
        """Return every combination, the last parameter varying fastest.

        Raises:
            UsageError: a range has no values, or there are too many combinations.
        """
        found = list(itertools.islice(self._combinations(0, {}), MOST_POINTS + 1))
        if len(found) > MOST_POINTS:
            raise UsageError(
                f"The grid has more than {MOST_POINTS:,} combinations.",
                suggestion="Take values out, or --method random with --n-trials.",
            )
        return found

    def _combinations(self, at: int, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if at == len(self.parameters):
            yield values
            return
        one = self.parameters[at]
        if not _is_there(one, values):
            yield from self._combinations(at + 1, values)
            return
        for value in one.points():
            yield from self._combinations(at + 1, {**values, one.name: value})

    def first(self, *, last: bool = False) -> dict[str, Any]:
        """Return one combination: of the first values, or of the last."""
        values: dict[str, Any] = {}
        for one in self.parameters:
            if _is_there(one, values):
                values[one.name] = one.ends()[-1 if last else 0]
        return values

    def looked_at(self) -> Iterator[tuple[str, Any, dict[str, Any]]]:
        """Yield (parameter, value, a combination with it) for each value to be looked at before a search."""
        for one in self.parameters:
            around = dict(self.first())
            for other, allowed in one.when:
                around[other] = allowed[0]
            for value in one.ends():
                values: dict[str, Any] = {}
                for each in self.parameters:
                    if _is_there(each, values):
                        values[each.name] = value if each is one else around.get(each.name, each.ends()[0])
                if one.name in values:
                    yield one.name, value, values

    def plain(self) -> dict[str, Any]:
        """Return it as it stands in a file, below `search_space`."""
        return {one.name: one.plain() for one in self.parameters}


def _is_there(one: Choice | Range, values: Mapping[str, Any]) -> bool:
    return all(
        other in values and any(same(values[other], allowed) for allowed in those)
        for other, those in one.when
    )


def same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def word_of(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else json.dumps(value)


def _plain_when(when: When) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else list(values) for name, values in when}
