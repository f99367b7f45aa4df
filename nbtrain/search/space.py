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
FORMS = (
    "`name: [1e-4, 1e-3]` (a list), `name: {low: 1e-5, high: 1e-1, log: true}` (a range), each with "
    "`when: {other: value}` where it is needed"
)


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
        by_word = {_word(value): value for value in self.values}
        return by_word[trial.suggest_categorical(self.name, list(by_word))]

    def recorded(self, value: Any) -> Any:
        """Return a value as Optuna is told it."""
        return _word(value)

    def points(self) -> tuple[Any, ...]:
        """Return the values of a grid."""
        return self.values

    def ends(self) -> tuple[Any, ...]:
        """Return the values that have to be looked at before a search."""
        return self.values

    def share(self, value: Any) -> float:
        """Return where a value stands, from 0 to 1, on an axis of this parameter."""
        ordered = self.ordered()
        place = next((at for at, one in enumerate(ordered) if _same(one, value)), None)
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
                f"`{self.name}` has {count:,} values in steps of {step:g}; a grid takes at most {MOST_POINTS:,}.",
                suggestion="Take a larger step, or --method random.",
            )
        values = [self.low + at * step for at in range(count)]
        return tuple(int(round(one)) if self.whole else float(f"{one:.12g}") for one in values)

    def _spread(self, count: int) -> tuple[Any, ...]:
        if count == 1:
            shares = [0.0]
        else:
            shares = [at / (count - 1) for at in range(count)]
        values = [self._at(share) for share in shares]
        return tuple(dict.fromkeys(int(round(one)) if self.whole else float(f"{one:.6g}") for one in values))

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


def space_of(said: Any, lines: Mapping[str, int] | None = None) -> Space:
    """Return the space that a mapping describes: name -> list of values, or a range as a mapping.

    Args:
        lines: where each name stands, for messages.

    Raises:
        UsageError: it is no mapping, a parameter has no values, or a condition cannot be met.
    """
    if isinstance(said, Space):
        return said
    if not isinstance(said, Mapping) or not said:
        kind = "nothing" if said is None or said == {} else type(said).__name__
        raise UsageError(
            f"The search space is {kind}, and a mapping of names to values is needed.",
            suggestion='For example {"learning_rate": [1e-4, 1e-3], "dropout": {"low": 0.0, "high": 0.5}}.',
        )
    parameters = [_parameter(str(name), value, _where(lines, str(name))) for name, value in said.items()]
    return Space(_ordered({one.name: one for one in parameters}))


def _where(lines: Mapping[str, int] | None, name: str) -> str:
    return f"line {lines[name]}: " if lines and name in lines else ""


def _parameter(name: str, said: Any, where: str) -> Choice | Range:
    if isinstance(said, (list, tuple)):
        return _choice(name, tuple(said), (), where)
    if not isinstance(said, Mapping):
        return _choice(name, (said,), (), where)
    known = {"values", "choices", "low", "high", "min", "max", "log", "step", "points", "type", "when"}
    unknown = [str(key) for key in said if key not in known]
    if unknown:
        raise UsageError(
            f"{where}`{name}` has `{unknown[0]}`, which is unknown.",
            suggestion=f"Known are {', '.join(sorted(known - {'choices', 'min', 'max'}))}; the forms are {FORMS}.",
            field=name,
        )
    when = _when(name, said.get("when"), where)
    values = said.get("values", said.get("choices"))
    if values is not None:
        if not isinstance(values, (list, tuple)):
            raise UsageError(
                f"{where}`{name}.values` is {values!r}; a list is needed.", suggestion=f"The forms are {FORMS}."
            )
        return _choice(name, tuple(values), when, where)
    return _range(name, said, when, where)


def _choice(name: str, values: tuple[Any, ...], when: When, where: str) -> Choice:
    if not values:
        raise UsageError(f"{where}`{name}` has no values.", suggestion=f"The forms are {FORMS}.", field=name)
    try:
        words = [_word(value) for value in values]
    except (TypeError, ValueError):
        raise UsageError(
            f"{where}`{name}` holds values that cannot be written down.",
            suggestion="Give numbers, words, true or false, nothing, or lists of them; the factory can look "
            "up the rest.",
            field=name,
        ) from None
    twice = next((value for at, value in enumerate(values) if words[at] in words[:at]), None)
    if len(set(map(repr, words))) != len(words) or twice is not None:
        raise UsageError(f"{where}`{name}` holds {twice!r} twice.", suggestion="Take one out.", field=name)
    bad = next((one for one in values if isinstance(one, float) and not math.isfinite(one)), None)
    if bad is not None:
        raise UsageError(f"{where}`{name}` holds {bad}.", suggestion="Give finite numbers.", field=name)
    return Choice(name, values, when)


def _range(name: str, said: Mapping[str, Any], when: When, where: str) -> Range:
    low, high = said.get("low", said.get("min")), said.get("high", said.get("max"))
    for key, value in (("low", low), ("high", high)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number:
            raise UsageError(
                f"{where}`{name}.{key}` is {value!r}; a finite number is needed.",
                suggestion=f"The forms are {FORMS}.", field=name,
            )  # fmt: skip
    if low > high:
        raise UsageError(
            f"{where}`{name}` goes from {low:g} down to {high:g}.", suggestion="Give the smaller number as `low`.",
            field=name,
        )  # fmt: skip
    log, step, points = bool(said.get("log", False)), said.get("step"), said.get("points")
    if log and low <= 0:
        raise UsageError(
            f"{where}`{name}` is evenly spread in powers, and begins at {low:g}.",
            suggestion="Give a `low` above 0, or leave `log` out.", field=name,
        )  # fmt: skip
    if step is not None and (isinstance(step, bool) or not isinstance(step, (int, float)) or not step > 0 or log):
        wrong = "cannot stand beside `log`" if log else f"is {step!r}; a number above 0 is needed"
        raise UsageError(f"{where}`{name}.step` {wrong}.", suggestion="Leave one of them out.", field=name)
    if points is not None and (isinstance(points, bool) or not isinstance(points, int) or points < 1):
        raise UsageError(
            f"{where}`{name}.points` is {points!r}; a whole number is needed, at least 1.",
            suggestion="For example points: 5.", field=name,
        )  # fmt: skip
    kind = said.get("type")
    if kind not in (None, "int", "float"):
        raise UsageError(f"{where}`{name}.type` is {kind!r}; allowed are int and float.", field=name)
    is_whole = all(isinstance(one, int) for one in (low, high, *(() if step is None else (step,))))
    return Range(name, low, high, log, step, kind == "int" or (kind is None and is_whole), points, when)


def _when(name: str, said: Any, where: str) -> When:
    if said is None:
        return ()
    if not isinstance(said, Mapping) or not said:
        raise UsageError(
            f"{where}`{name}.when` is {said!r}; a mapping of another name to its values is needed.",
            suggestion="For example when: {optimizer: sgd}.", field=name,
        )  # fmt: skip
    listed = {key: tuple(one) if isinstance(one, (list, tuple)) else (one,) for key, one in said.items()}
    return tuple((str(key), values) for key, values in listed.items())


def _ordered(known: dict[str, Choice | Range]) -> tuple[Choice | Range, ...]:
    """Return the parameters, each after those its condition names.

    Raises:
        UsageError: a condition names no parameter, a value it never has, or itself in the end.
    """
    done: dict[str, Choice | Range] = {}
    waiting = dict(known)
    for one in known.values():
        for other, values in one.when:
            if other not in known:
                raise UsageError(
                    f"`{one.name}` is there when `{other}` has a value, and `{other}` is no parameter of the "
                    "space.",
                    suggestion=f"Parameters are {', '.join(known)}.", field=one.name,
                )  # fmt: skip
            deciding = known[other]
            never = [v for v in values if not any(_same(v, have) for have in getattr(deciding, "values", values))]
            if never:
                raise UsageError(
                    f"`{one.name}` is there when `{other}` is {never[0]!r}, which it never is.",
                    suggestion=f"Its values are {', '.join(map(str, deciding.values))}.", field=one.name,
                )  # fmt: skip
    while waiting:
        ready = [one for one in waiting.values() if all(other in done for other, _ in one.when)]
        if not ready:
            raise UsageError(f"The conditions of {', '.join(map(repr, waiting))} wait for each other.")
        for one in ready:
            done[one.name] = waiting.pop(one.name)
    return tuple(done.values())


def _is_there(one: Choice | Range, values: Mapping[str, Any]) -> bool:
    return all(
        other in values and any(_same(values[other], allowed) for allowed in those) for other, those in one.when
    )


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _word(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else json.dumps(value)


def _plain_when(when: When) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else list(values) for name, values in when}
