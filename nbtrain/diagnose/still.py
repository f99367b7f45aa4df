"""A run as it stood at one moment. A run that trains has other tables at each look, and those of a moment ago
do not fit the new ones; whoever needs several takes a still."""

from __future__ import annotations

from typing import Any

_TABLES = ("history", "epochs", "evaluations", "alerts", "latest")
_PLACE = ("status", "progress", "error", "stop_reason", "manifest", "dir", "id", "name", "objects")
_ABSENT = object()


class Still:
    """What is read of a run, read once: its tables, and where it stands. Made by `still`."""

    def __init__(self, run: Any) -> None:
        numbers = getattr(run, "numbers", None)
        # where it stands is read first: the tables then reach as far, at least
        told = {name: getattr(run, name, _ABSENT) for name in _PLACE}
        source = run if numbers is None else numbers()
        told |= {name: getattr(source, name, _ABSENT) for name in _TABLES}
        self.__dict__.update({name: value for name, value in told.items() if value is not _ABSENT})
        self._run = run

    def __getattr__(self, name: str) -> Any:
        """Give everything else as the run has it."""
        if name.startswith("__") or "_run" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._run, name)


def still(run: Any) -> Any:
    """Return a run, live or stored, as it stands now; a still is returned as it is."""
    return run if isinstance(run, Still) else Still(run)
