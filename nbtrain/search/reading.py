"""A mapping -> a space, or what is wrong with it in words that name the parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.search.space import Choice, Range, Space, When, same, word_of

FORMS = (
    "`name: [1e-4, 1e-3]` (a list), `name: {low: 1e-5, high: 1e-1, log: true}` (a range), each with "
    "`when: {other: value}` where it is needed"
)


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
            suggestion=f"The forms are {FORMS}.",
            field=name,
        )
    when = _when(name, said.get("when"), where)
    values = said.get("values", said.get("choices"))
    if values is not None:
        if not isinstance(values, (list, tuple)):
            raise UsageError(
                f"{where}`{name}.values` is {values!r}; a list is needed.",
                suggestion=f"The forms are {FORMS}.",
            )
        return _choice(name, tuple(values), when, where)
    return _range(name, said, when, where)


def _choice(name: str, values: tuple[Any, ...], when: When, where: str) -> Choice:
    if not values:
        raise UsageError(f"{where}`{name}` has no values.", suggestion=f"The forms are {FORMS}.", field=name)
    try:
        words = [word_of(value) for value in values]
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
            f"{where}`{name}` goes from {low:g} down to {high:g}.",
            suggestion="Give the smaller number as `low`.",
            field=name,
        )  # fmt: skip
    log, step, points = bool(said.get("log", False)), said.get("step"), said.get("points")
    if log and low <= 0:
        raise UsageError(
            f"{where}`{name}` is evenly spread in powers, and begins at {low:g}.",
            suggestion="Give a `low` above 0, or leave `log` out.", field=name,
        )  # fmt: skip
    if step is not None and (
        isinstance(step, bool) or not isinstance(step, (int, float)) or not step > 0 or log
    ):
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
            never = [
                v for v in values if not any(same(v, have) for have in getattr(deciding, "values", values))
            ]
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
