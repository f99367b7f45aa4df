"""Whether a notebook still holds the objects of a plan: a cell that ran since may have made new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbtrain.errors import UsageError

_GONE = object()


def still_held(names: Iterable[str], namespace: Mapping[str, Any]) -> Callable[[], None]:
    """Return a check that each name, or way to an object, leads to what it leads to now.

    Names that lead nowhere now are left out, and ways that lead to a new object each time.

    Args:
        names: variables and ways (`trainer.model`); empty ones are skipped.
        namespace: the notebook's variables, looked at again by each check.
    """
    held = {name: _value(name, namespace) for name in dict.fromkeys(names) if name}
    held = {
        name: value for name, value in held.items() if value is not _GONE and value is _value(name, namespace)
    }

    def check() -> None:
        now = {name: _value(name, namespace) for name in held}
        other = [name for name, value in held.items() if now[name] is not value]
        if not other:
            return
        gone = [name for name in other if now[name] is _GONE]
        if gone:
            said = f"{_listed(gone)} no longer in the notebook"
        else:
            said = f"{_listed(other, past=True)} made again since this plan"
        raise UsageError(f"{said}: run %train again.")

    return check


def _value(name: str, namespace: Mapping[str, Any]) -> Any:
    from nbtrain.notebook.given import value_at

    try:
        return value_at(name, namespace)
    except (KeyError, UsageError):
        return _GONE


def _listed(names: list[str], *, past: bool = False) -> str:
    """Return the names with their verb: `model` was, `model` and `optimizer` were."""
    *most, last = [f"`{name}`" for name in names]
    one, many = ("was", "were") if past else ("is", "are")
    return f"{', '.join(most)} and {last} {many}" if most else f"{last} {one}"
